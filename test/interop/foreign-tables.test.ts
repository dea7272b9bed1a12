// Tables that other engines made, with what we support, read by us.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { ObjectStore } from '../../connectors/object-store.ts'
import { openStore } from '../../connectors/open-store.ts'
import { loadSnapshot } from '../../lake/log.ts'
import { commitPath } from '../../lake/path.ts'
import { id, join as joinSql, sql } from '../../lake/sql.ts'
import type { Table } from '../../lake/table.ts'
import { objects } from '../unit/lake/temp-table.ts'
import { Others } from './others.ts'
import { folderOf, ownRows } from './same-rows.ts'

let others: Others
let dir: string
let store: ObjectStore
beforeAll(async () => {
  others = await Others.open()
})
afterAll(() => others.close())
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-foreign-'))
  store = await openStore(pathToFileURL(dir).href, { cacheDir: dir })
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const at = (path: string): Table => ({ store, path })
const checkpoints = async (table: Table) =>
  (await objects(store, `${table.path}/_delta_log/`)).filter(name => /\/\d{20}\.checkpoint.*\.parquet$/.test(name))

const columns = `id BIGINT, b TINYINT, s SMALLINT, i INT, f FLOAT, d DOUBLE, ok BOOLEAN, t STRING, raw BINARY, day DATE, seen TIMESTAMP,
  price DECIMAL(38,10), tags ARRAY<STRING>, place STRUCT<wkb: BINARY, srid: INT>, m MAP<STRING, DOUBLE>`
const row = (
  id: number,
) => `(${id}, -128Y, 32767S, -2147483648, 0.1F, 1.7976931348623157E308D, true, 'é😀', X'00FF', DATE'9999-12-31',
  TIMESTAMP'1690-10-04 23:59:59.999999', 9999999999999999999999999999.9999999999BD, array('a', NULL, ''),
  named_struct('wkb', X'01', 'srid', 4326), map('k', 1.5D))`

test('Spark: all types; checkpoint in parts with statistics as columns; older commits gone', async () => {
  const table = at('silver/theirs')
  const spark = (...statements: string[]) => others.engines.spark(folderOf(table), ...statements)
  await spark(
    'SET spark.databricks.delta.checkpoint.partSize = 2',
    `CREATE TABLE {table} (${columns}) USING delta TBLPROPERTIES ('delta.checkpoint.writeStatsAsStruct' = 'true', 'delta.checkpointInterval' = '100')`,
    ...[1, 2, 3].map(key => `INSERT INTO {table} VALUES ${row(key)}`),
    `INSERT INTO {table} (id) VALUES (4)`,
    "ALTER TABLE {table} SET TBLPROPERTIES ('delta.checkpointInterval' = '1')",
    `INSERT INTO {table} VALUES ${row(5)}`,
    "ALTER TABLE {table} SET TBLPROPERTIES ('delta.checkpointInterval' = '100')",
    'DELETE FROM {table} WHERE id = 2',
    `INSERT INTO {table} VALUES ${row(6)}`,
  )
  const parts = await checkpoints(table)
  expect(
    parts.some(name => /\.checkpoint\.\d{10}\.\d{10}\.parquet$/.test(name)),
    parts.join(),
  ).toBe(true)
  const snapshot = (await loadSnapshot(table))!
  expect(await others.same(table, snapshot)).toBe(5)
  const first = Number(/(\d{20})/.exec(parts.at(-1)!)![1])
  for (let old = 0; old < first; old++) await store.delete(commitPath(table, old))
  const cut = (await loadSnapshot(table))!
  expect([...cut.files.keys()].sort()).toEqual([...snapshot.files.keys()].sort())
  await store.delete(`${table.path}/_delta_log/_last_checkpoint`)
  expect(await others.same(table, (await loadSnapshot(table))!)).toBe(5)
  const rest = cut.fields.slice(1).map(({ name }) => sql`NULL AS ${id(name)}`)
  const next = await others.append(table, sql`SELECT 7 AS id, ${joinSql(rest)}`, { base: cut, fields: cut.fields, stats: ['id'] })
  expect(await others.same(table, next)).toBe(6)
})

test('Spark: partitions of several types, hostile values and NULL among them', async () => {
  // delta-rs cannot take a negative decimal for a partition's value.
  const table = at('bronze/theirs')
  await others.engines.spark(
    folderOf(table),
    'CREATE TABLE {table} (id BIGINT, p STRING, day DATE, n DECIMAL(10,2), seen TIMESTAMP) USING delta PARTITIONED BY (p, day, n, seen)',
    `INSERT INTO {table} VALUES (1, 'a b/%2F=é', DATE'1500-01-01', 1.50, TIMESTAMP'2026-01-01 00:00:00.000001'), (2, NULL, NULL, NULL, NULL),
      (3, '', DATE'9999-12-31', 0.01, TIMESTAMP'1969-12-31 23:59:59')`,
  )
  const snapshot = (await loadSnapshot(table))!
  expect(snapshot.metaData.partitionColumns).toEqual(['p', 'day', 'n', 'seen'])
  expect(await others.same(table, snapshot)).toBe(3)
})

test('delta-rs: appended to, checkpointed with statistics as columns, cut off', async () => {
  const table = at('gold/theirs')
  const engine = (deed: string, more = {}) => others.engines.deltalake(folderOf(table), deed, more)
  const rows = (...values: [number, string | null][]) => ({
    columns: [
      ['id', 'int64'],
      ['v', 'string'],
    ],
    rows: values,
  })
  await engine('create', { ...rows([1, 'a'], [2, null]), configuration: { 'delta.checkpoint.writeStatsAsStruct': 'true' } })
  await engine('append', rows([3, 'ü']))
  await engine('checkpoint')
  await engine('append', rows([4, '']))
  await store.delete(commitPath(table, 0))
  const snapshot = (await loadSnapshot(table))!
  expect(await ownRows({ duck: others.duck, table, snapshot })).toHaveLength(4)
  expect(await others.same(table, snapshot)).toBe(4)
})
