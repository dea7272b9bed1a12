// The ways into an account that Azurite has: keys and signatures. Its signatures are checked as the service checks them.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  ContainerSASPermissions,
  generateAccountSASQueryParameters,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AzureSettings } from '../../../connectors/azure-access.ts'
import type { ObjectStore } from '../../../connectors/object-store.ts'
import { openStore } from '../../../connectors/open-store.ts'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { field } from '../../../lake/schema.ts'
import { sql } from '../../../lake/sql.ts'
import { writeFile as writeTable } from '../../../lake/write.ts'
import { openEngine } from '../../../sql/engine.ts'
import { type Azurite, startAzurite } from './azurite.ts'

let azurite: Azurite
let dir: string
let endpoint: string
const url = 'abfss://devstoreaccount1.dfs.core.windows.net/access'
const key = () => /AccountKey=([^;]+)/.exec(azurite.connectionString)![1]!
const credential = () => new StorageSharedKeyCredential('devstoreaccount1', key())

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-access-'))
  azurite = await startAzurite()
  endpoint = `http://127.0.0.1:${azurite.port}/devstoreaccount1`
  const owner = await open({ key: key() })
  for (const zone of ['bronze', 'silver']) await owner.put(`${zone}/t/there`, Buffer.from(zone))
})
afterAll(async () => {
  await azurite.stop()
  await rm(dir, { recursive: true, force: true })
})

const open = (settings: AzureSettings): Promise<ObjectStore> =>
  openStore(url, { azure: { endpoint, ...settings }, cacheDir: join(dir, 'cache') })

function accountSas(permissions: string, { hours = 1, types = 'sco' } = {}): string {
  return generateAccountSASQueryParameters(
    {
      permissions: AccountSASPermissions.parse(permissions),
      resourceTypes: AccountSASResourceTypes.parse(types).toString(),
      services: AccountSASServices.parse('b').toString(),
      expiresOn: new Date(Date.now() + hours * 3_600_000),
    },
    credential(),
  ).toString()
}

function containerSas(containerName: string, permissions: string): string {
  const rights = ContainerSASPermissions.parse(permissions)
  return generateBlobSASQueryParameters(
    { containerName, permissions: rights, expiresOn: new Date(Date.now() + 3_600_000) },
    credential(),
  ).toString()
}

/** Every kind of call once; what the lake does to a table. */
async function everything(store: ObjectStore, zone: string): Promise<void> {
  const path = `${zone}/t/everything`
  await store.put(path, Buffer.from('1'))
  expect(await store.putIfAbsent(path, Buffer.from('2'))).toBe(false)
  expect(await store.get(path)).toEqual(Buffer.from('1'))
  expect(await store.head(path)).toMatchObject({ size: 1 })
  const listed: string[] = []
  for await (const object of store.list(`${zone}/t/ev`)) listed.push(object.path)
  expect(listed).toEqual([path])
  expect(await store.folders(`${zone}/`)).toEqual(['t'])
  await writeFile(join(store.scratch, `f-${zone}`), 'bytes')
  await store.putFile(`${zone}/t/f.parquet`, join(store.scratch, `f-${zone}`))
  await store.fetch(`${zone}/t/f.parquet`)
  await store.delete(path)
  await store.delete(`${zone}/t/f.parquet`)
}

async function refusal(attempt: Promise<unknown>): Promise<unknown> {
  const error: unknown = await attempt.then(
    () => undefined,
    failure => failure,
  )
  expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/sig=|%2B.*%3D/)
  return error
}

test('an account key, and an endpoint that is not the usual host', async () => {
  await everything(await open({ key: key() }), 'silver')
})

test('a signature of the account, with exactly the rights docs/azure.md names; it makes containers too', async () => {
  await everything(await open({ sas: `?${accountSas('rwdlc')}` }), 'gold')
})

test("signatures of the containers, each zone by its own; a zone's holds no right to another", async () => {
  const store = await open({
    zones: { silver: { sas: containerSas('silver', 'rcwdl') }, bronze: { sas: containerSas('silver', 'rcwdl') } },
  })
  await everything(store, 'silver')
  expect(await refusal(store.get('bronze/t/there'))).toMatchObject({
    code: 'STORE_DENIED',
    message: expect.stringMatching(/devstoreaccount1\/bronze\/access\/t\/there \(let in by lake\.zones\.bronze\.sas\)/),
  })
})

test('a reader of silver reads it, writes nothing, and never logs in for bronze', async () => {
  const store = await open({ zones: { silver: { sas: containerSas('silver', 'rl') } }, client: 'nobody', tenant: 'nowhere' })
  expect(await store.get('silver/t/there')).toEqual(Buffer.from('silver'))
  expect(await refusal(store.put('silver/t/new', Buffer.from('x')))).toMatchObject({
    code: 'STORE_DENIED',
    retryable: false,
    message: expect.stringContaining("the signature's rights are rl"),
  })
})

test('an expired signature is called expired', async () => {
  const store = await open({ sas: accountSas('rwdlc', { hours: -1 }) })
  expect(await refusal(store.get('silver/t/there'))).toMatchObject({
    code: 'STORE_DENIED',
    message: expect.stringMatching(/expired at \d{4}-/),
  })
})

test('a container that is missing, and may not be made: says so, and how to make it', async () => {
  const store = await open({ sas: containerSas('quarantine', 'rcwdl') })
  expect(await refusal(store.put('quarantine/t/x', Buffer.from('x')))).toMatchObject({
    code: 'STORE_DENIED',
    message: expect.stringMatching(/container quarantine does not exist.*az storage container create --name quarantine/),
  })
})

test('an identity is not sent over an unencrypted connection', async () => {
  const store = await open({ client: 'c', secret: 'hunter2', tenant: 'f8cdef31-a31e-4b4a-93e4-5f571e91255a' })
  const error = await refusal(store.get('silver/t/there'))
  expect(error).toMatchObject({ code: 'STORE_CONFIG', message: expect.stringContaining('needs https') })
  expect(inspect(error, { depth: 9 })).not.toContain('hunter2')
})

test('a query of silver needs no right to any other zone; a query of bronze is refused by name', async () => {
  const owner = await open({ key: key() })
  const path = 'silver/shop/orders'
  await using duck = await Duck.open({ threads: 1 })
  const fields = [field('id', 'long')]
  const add = await writeTable(duck, { store: owner, path }, { select: sql`SELECT 7 AS id`, fields })
  await commit(
    { store: owner, path },
    { base: undefined, mode: 'append', operation: 'WRITE', metaData: { fields }, adds: [add!] },
  )
  const engine = openEngine(
    await open({ zones: { silver: { sas: containerSas('silver', 'rl') } }, sas: containerSas('gold', 'rl') }),
  )
  await using result = await engine.query('SELECT id FROM silver.orders')
  const rows: unknown[] = []
  for await (const block of result.rows(value => String(value))) rows.push(...block)
  expect(rows).toEqual([['7']])
  await expect(engine.query('SELECT * FROM bronze.orders')).rejects.toMatchObject({
    code: 'STORE_DENIED',
    message: expect.stringContaining('devstoreaccount1/bronze/'),
  })
  await expect(engine.query('SELECT * FROM silver.nothing')).rejects.toMatchObject({ code: 'SQL_UNKNOWN_TABLE' })
})
