import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ObjectStore } from '../../../connectors/object-store.ts'
import { openStore } from '../../../connectors/open-store.ts'
import { storeContract } from '../../unit/connectors/store-contract.ts'
import { type Azurite, freePort, startAzurite } from './azurite.ts'

let azurite: Azurite
let dir: string
let store: ObjectStore

const open = async (prefix: string, cache = 'cache') =>
  openStore(`az://${prefix}`, { azureConnectionString: azurite.connectionString, cacheDir: join(dir, cache) })

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-azure-'))
  azurite = await startAzurite()
  store = await open('contract/of/stores')
})

afterAll(async () => {
  await azurite.stop()
  await rm(dir, { recursive: true, force: true })
})

describe('the contract', () => storeContract(() => store))

describe('the contract without a prefix', () => {
  let root: ObjectStore
  beforeAll(async () => {
    root = await open('')
  })
  storeContract(() => root)
})

test('prefixes keep two lakes in one account apart', async () => {
  const [one, two] = [await open('one'), await open('two')]
  await one.put('gold/t/x', Buffer.from('1'))
  expect(await two.get('gold/t/x')).toBeUndefined()
  const seen: string[] = []
  for await (const { path } of one.list('gold/')) seen.push(path)
  expect(seen).toEqual(['gold/t/x'])
})

test('another machine downloads a file once and keeps it; deleting the object drops our copy', async () => {
  const [writer, reader] = [await open('cache'), await open('cache', 'elsewhere')]
  const file = join(writer.scratch, 'f')
  await writeFile(file, 'bytes')
  await writer.putFile('bronze/t/part-1.parquet', file)
  const local = await reader.fetch('bronze/t/part-1.parquet')
  expect(local).toContain('elsewhere')
  expect(await readFile(local, 'utf8')).toBe('bytes')
  await writer.delete('bronze/t/part-1.parquet')
  await expect(writer.fetch('bronze/t/part-1.parquet')).rejects.toMatchObject({ code: 'STORE_MISSING' })
  expect(await reader.fetch('bronze/t/part-1.parquet')).toBe(local)
  expect(await readdir(writer.scratch)).toEqual([])
})

test('a large file goes up in blocks and comes down whole', async () => {
  const writer = await open('large')
  const bytes = Buffer.alloc(9 << 20, 'binlake-')
  await writeFile(join(writer.scratch, 'f'), bytes)
  await writer.putFile('bronze/t/large.parquet', join(writer.scratch, 'f'))
  const reader = await open('large', 'third')
  expect((await readFile(await reader.fetch('bronze/t/large.parquet'))).equals(bytes)).toBe(true)
})

test('zones that are no container name are refused with the rule', async () => {
  await expect(async () => store.get('xy/t')).rejects.toMatchObject({ code: 'STORE_PATH' })
  await expect(async () => store.get('Silver/t')).rejects.toMatchObject({ code: 'STORE_PATH' })
})

const key = () => /AccountKey=([^;]+)/.exec(azurite.connectionString)![1]!

test('a wrong key: denied, says where, never shows a key', async () => {
  const wrong = azurite.connectionString.replace(/AccountKey=..../, 'AccountKey=AAAA')
  const closed = await openStore('az://x', { azureConnectionString: wrong, cacheDir: dir })
  const attempts = [() => closed.get('silver/t'), () => closed.put('silver/t', Buffer.from('x')), () => closed.folders('silver/')]
  for (const attempt of attempts) {
    const error: unknown = await attempt().then(
      () => undefined,
      failure => failure,
    )
    expect(error).toMatchObject({
      code: 'STORE_DENIED',
      retryable: false,
      message: expect.stringContaining(`127.0.0.1:${azurite.port}/devstoreaccount1/silver/`),
    })
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(key().slice(10))
  }
})

test('an account that does not answer: unreachable, retryable, says where', async () => {
  const port = await freePort()
  const nowhere = azurite.connectionString.replace(String(azurite.port), String(port))
  const away = await openStore('az://x', { azureConnectionString: nowhere, cacheDir: dir })
  await expect(away.putIfAbsent('silver/t', Buffer.from('x'))).rejects.toMatchObject({
    code: 'STORE_UNREACHABLE',
    retryable: true,
    message: expect.stringContaining(`127.0.0.1:${port}`),
  })
})

test('a connection string that is none is refused without repeating it', async () => {
  const refused = openStore('az://x', { azureConnectionString: `AccountKey=${key()}`, cacheDir: dir })
  const error: unknown = await refused.catch((failure: unknown) => failure)
  expect(error).toMatchObject({ code: 'STORE_CONFIG' })
  expect(inspect(error, { depth: 9 })).not.toContain(key())
})
