// delta-rs and polars on the same containers as we: they read what we wrote, and race us for versions.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStore } from '../../../connectors/open-store.ts'
import { checkpoint } from '../../../lake/checkpoint.ts'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { scan } from '../../../lake/scan.ts'
import type { Snapshot } from '../../../lake/snapshot.ts'
import { sql } from '../../../lake/sql.ts'
import type { Table } from '../../../lake/table.ts'
import { writeFile } from '../../../lake/write.ts'
import { Engines } from '../../interop/engines/engines.ts'
import { type EngineServer, startEngineServer } from '../../interop/engines/server.ts'
import { someFields } from '../../unit/lake/temp-table.ts'
import { type Azurite, startAzurite } from './azurite.ts'

let azurite: Azurite
let server: EngineServer
let engines: Engines
let duck: Duck
let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-azure-others-'))
  azurite = await startAzurite()
  server = await startEngineServer()
  engines = await Engines.connect(server.address)
  duck = await Duck.open()
})
afterAll(async () => {
  engines?.close()
  await server?.stop()
  await duck?.close()
  await azurite?.stop()
  await rm(dir, { recursive: true, force: true })
})

async function tableAt(path: string): Promise<Table> {
  const store = await openStore('az://', { azureConnectionString: azurite.connectionString, cacheDir: join(dir, 'cache') })
  return { store, path }
}

/** A container is a zone: the table's path begins with it. */
const urlOf = ({ path }: Table) => `az://${path}`
const options = () => ({
  azure_endpoint: `http://127.0.0.1:${azurite.port}/devstoreaccount1`,
  azure_storage_account_name: 'devstoreaccount1',
  azure_storage_account_key: /AccountKey=([^;]+)/.exec(azurite.connectionString)![1]!,
  azure_allow_http: 'true',
})

async function append(table: Table, id: number, base?: Snapshot): Promise<Snapshot> {
  const add = await writeFile(duck, table, { select: sql`SELECT ${id} AS id, 'ours' AS name`, fields: someFields, stats: ['id'] })
  return commit(table, { base, mode: 'append', operation: 'WRITE', metaData: { fields: someFields }, adds: [add!] })
}

const ids = (rows: readonly Record<string, unknown>[]) => rows.map(({ id }) => Number(id)).sort((a, b) => a - b)

test('delta-rs and polars read our table, its checkpoint and an older version', async () => {
  const table = await tableAt('silver/shop/orders')
  let base: Snapshot | undefined
  for (const id of [1, 2, 3]) base = await append(table, id, base)
  await checkpoint(duck, table, base!)
  await append(table, 4, base)
  for (const engine of ['deltalake', 'polars'] as const) {
    expect(ids((await engines.read(engine, urlOf(table), { options: options() })).rows)).toEqual([1, 2, 3, 4])
    expect(ids((await engines.read(engine, urlOf(table), { options: options(), version: 1 })).rows)).toEqual([1, 2])
  }
})

test('delta-rs and we append at once: every version has one winner, no row is lost', async () => {
  const table = await tableAt('bronze/shop/orders')
  let base = await append(table, 0)
  const theirs = (async () => {
    for (let n = 0; n < 20; n++) {
      const rows = {
        columns: [
          ['id', 'int64'],
          ['name', 'string'],
        ],
        rows: [[1_000 + n, 'delta-rs']],
      }
      await engines.deltalake(urlOf(table), 'append', { ...rows, options: options() })
    }
  })()
  const ours = (async () => {
    for (let n = 1; n < 40; n++) base = await append(table, n, base)
  })()
  await Promise.all([theirs, ours])
  const snapshot = (await loadSnapshot(table))!
  expect(snapshot.version).toBe(59)
  const rows = await duck.json(sql`SELECT id FROM ${await scan(table, snapshot)}`)
  expect(ids(rows)).toEqual([...Array.from({ length: 40 }, (_, i) => i), ...Array.from({ length: 20 }, (_, i) => 1_000 + i)])
  expect(ids((await engines.read('deltalake', urlOf(table), { options: options() })).rows)).toEqual(ids(rows))
})
