import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStore } from '../../../connectors/open-store.ts'
import { checkpoint } from '../../../lake/checkpoint.ts'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { commitPath } from '../../../lake/path.ts'
import { scan } from '../../../lake/scan.ts'
import type { Snapshot } from '../../../lake/snapshot.ts'
import { sql } from '../../../lake/sql.ts'
import type { Table } from '../../../lake/table.ts'
import { writeFile } from '../../../lake/write.ts'
import { raceAppends, raceForProgress } from '../../unit/lake/race.ts'
import { someFields } from '../../unit/lake/temp-table.ts'
import { type Azurite, startAzurite } from './azurite.ts'

let azurite: Azurite
let dir: string
let duck: Duck

const tableAt = async (prefix: string, cache = prefix): Promise<Table> => ({
  store: await openStore(`az://${prefix}`, { azureConnectionString: azurite.connectionString, cacheDir: join(dir, cache) }),
  path: 'silver/shop/orders',
})

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-azure-'))
  azurite = await startAzurite()
  duck = await Duck.open()
})

afterAll(async () => {
  await duck.close()
  await azurite.stop()
  await rm(dir, { recursive: true, force: true })
})

test('several processes append to one table: every commit lands once', async () => {
  const env = { AZURE_STORAGE_CONNECTION_STRING: azurite.connectionString }
  await raceAppends({ url: 'az://race-own', table: await tableAt('race-own'), writers: 4, commits: 15, env })
})

test('several processes claim the same progress: no step lands twice', async () => {
  const env = { AZURE_STORAGE_CONNECTION_STRING: azurite.connectionString }
  await raceForProgress({ url: 'az://race-shared', table: await tableAt('race-shared'), writers: 4, commits: 10, env })
})

test('a table of several versions, read on another machine from its checkpoint', async () => {
  const table = await tableAt('table')
  let base: Snapshot | undefined
  for (let n = 0; n < 5; n++) {
    const add = await writeFile(duck, table, {
      select: sql`SELECT ${n} * 10 + i AS id, 'name' AS name FROM range(10) t(i)`,
      fields: someFields,
      stats: ['id'],
    })
    base = await commit(table, { base, mode: 'append', operation: 'WRITE', metaData: { fields: someFields }, adds: [add!] })
    if (n === 2) await checkpoint(duck, table, base)
  }
  for (const version of [0, 1]) await table.store.delete(commitPath(table, version))
  const other = await tableAt('table', 'other-machine')
  const snapshot = (await loadSnapshot(other))!
  expect(snapshot.version).toBe(4)
  const relation = await scan(other, snapshot)
  expect(await duck.row(sql`SELECT count(*) AS n, sum(id)::BIGINT AS total FROM ${relation}`)).toEqual({ n: 50n, total: 1225n })
  expect(await loadSnapshot(other, { known: snapshot })).toBe(snapshot)
})

test('the server gone in the middle: an unknown outcome is said to be one', async () => {
  const own = await startAzurite()
  const store = await openStore('az://gone', { azureConnectionString: own.connectionString, cacheDir: join(dir, 'gone') })
  const table = { store, path: 'silver/t' }
  const base = await commit(table, { base: undefined, mode: 'append', operation: 'WRITE', metaData: { fields: someFields } })
  await own.stop()
  await expect(commit(table, { base, mode: 'append', operation: 'WRITE' })).rejects.toMatchObject({
    code: 'LAKE_COMMIT_UNKNOWN',
    retryable: true,
  })
})
