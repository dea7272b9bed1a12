// Compaction, log clean-up and vacuum on Azurite: the same as on a folder, by the Blob endpoint.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStore } from '../../../connectors/open-store.ts'
import { commit } from '../../../lake/commit.ts'
import { compact } from '../../../lake/compact.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { cleanUpLog } from '../../../lake/log-cleanup.ts'
import { scan } from '../../../lake/scan.ts'
import { field } from '../../../lake/schema.ts'
import type { Snapshot } from '../../../lake/snapshot.ts'
import { sql } from '../../../lake/sql.ts'
import { vacuum } from '../../../lake/vacuum.ts'
import { writeFile } from '../../../lake/write.ts'
import { objects } from '../../unit/lake/temp-table.ts'
import { type Azurite, startAzurite } from './azurite.ts'

let azurite: Azurite
let dir: string
let duck: Duck

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-azure-'))
  azurite = await startAzurite()
  duck = await Duck.open({ threads: 1 })
})

afterAll(async () => {
  await duck.close()
  await azurite.stop()
  await rm(dir, { recursive: true, force: true })
})

test('thirty commits become one file and a short log, an orphan goes, and the rows stay', async () => {
  const store = await openStore('az://maintenance', { azureConnectionString: azurite.connectionString, cacheDir: dir })
  const table = { store, path: 'bronze/shop/t' }
  const fields = [field('_day', 'date'), field('id', 'long')]
  const configuration = { 'delta.logRetentionDuration': 'interval 1 day', 'delta.deletedFileRetentionDuration': 'interval 1 day' }
  const metaData = { fields, partitionColumns: ['_day'], configuration }
  let base: Snapshot | undefined
  for (let i = 0; i < 30; i++) {
    const add = await writeFile(duck, table, { fields, partition: { _day: '2026-11-21' }, select: sql`SELECT ${i} AS id` })
    base = await commit(table, { base, mode: 'append', operation: 'WRITE', metaData, adds: [add!] })
  }
  await store.put(`${table.path}/_day=2026-11-21/part-orphan.parquet`, Buffer.from('x'))
  const { snapshot } = await compact(duck, table, base!, { groups: [[...base!.files.values()]] })
  const now = Date.now() + 4 * 86_400_000
  expect(await cleanUpLog(duck, table, snapshot, { now })).toMatchObject({ deleted: { objects: 30 }, from: 30 })
  expect((await vacuum(table, snapshot, { now })).deleted.files).toBe(31)
  expect(await objects(store, `${table.path}/_day`)).toHaveLength(1)
  const opened = (await loadSnapshot(table))!
  const rows = await duck.rows(sql`SELECT count(*)::INT AS n, sum(id)::INT AS s FROM ${await scan(table, opened)}`)
  expect(rows).toEqual([{ n: 30, s: 435 }])
  await store.close()
})
