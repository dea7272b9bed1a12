import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkpoint, checkpointDue } from '../../../lake/checkpoint.ts'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { checkpointPath, commitPath } from '../../../lake/path.ts'
import type { Snapshot } from '../../../lake/snapshot.ts'
import { sql } from '../../../lake/sql.ts'
import { someAdd, someFields, tempTable } from './temp-table.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open()
})
afterAll(() => duck.close())

const at = (version: number, configuration: Record<string, string> = {}) =>
  ({ version, metaData: { configuration } }) as unknown as Snapshot

test('due at every 50th version, or as the table says', () => {
  expect([0, 1, 49, 50, 51, 100].filter(version => checkpointDue(at(version)))).toEqual([50, 100])
  expect([0, 9, 10, 50].filter(version => checkpointDue(at(version, { 'delta.checkpointInterval': '10' })))).toEqual([10, 50])
  expect(checkpointDue(at(50, { 'delta.checkpointInterval': 'often' }))).toBe(true)
})

test('the checkpoint alone gives the whole table back: values beyond 2^53, odd partitions, tags, txns', async () => {
  await using table = await tempTable()
  const stats = '{"numRecords":1,"minValues":{"id":9007199254740993}}'
  const adds = [
    someAdd('a', { stats, partitionValues: { name: "o'x \u2028" }, tags: { pkMin: '1' } }),
    someAdd('b', { partitionValues: { name: null } }),
  ]
  const txns = [{ appId: 'binlake/t#"gen"/0', version: 2n ** 63n - 1n }]
  const metaData = {
    fields: someFields,
    partitionColumns: ['name'],
    configuration: { 'cdc.primaryKey': '["id"]' },
    name: 'orders',
  }
  const zero = await commit(table, { base: undefined, mode: 'append', operation: 'WRITE', metaData, adds, txns })
  const one = await commit(table, {
    base: zero,
    mode: 'merge',
    operation: 'MERGE',
    removes: ['b'],
    adds: [someAdd('c', { partitionValues: { name: 'c' } })],
  })
  await checkpoint(duck, table, one)
  for (const version of [0, 1]) await table.store.delete(commitPath(table, version))
  await commit(table, { base: one, mode: 'append', operation: 'WRITE', adds: [someAdd('d', { partitionValues: { name: 'd' } })] })
  const opened = (await loadSnapshot(table))!
  expect(opened).toMatchObject({ protocol: one.protocol, metaData: one.metaData, fields: one.fields, txns: one.txns })
  expect(opened.files.get('a')).toEqual({ ...adds[0], dataChange: false })
  expect([...opened.files.keys()]).toEqual(['a', 'c', 'd'])
  expect(opened.tombstones).toEqual(new Map([['b', { ...one.tombstones.get('b'), dataChange: false }]]))
})

test('its Parquet columns are the classic ones, a row an action', async () => {
  await using table = await tempTable()
  const zero = await commit(table, {
    base: undefined,
    mode: 'append',
    operation: 'WRITE',
    metaData: { fields: someFields },
    adds: [someAdd('a')],
  })
  await checkpoint(duck, table, zero)
  const file = await table.store.fetch(checkpointPath(table, 0))
  const rows = await duck.rows(
    sql`SELECT protocol IS NOT NULL AS p, "metaData" IS NOT NULL AS m, txn IS NOT NULL AS t, remove IS NOT NULL AS r, add IS NOT NULL AS a FROM read_parquet(${[file]})`,
  )
  expect(rows).toHaveLength(3)
  for (const row of rows) expect(Object.values(row).filter(Boolean)).toHaveLength(1)
  expect(
    await duck.row(sql`SELECT protocol."readerFeatures" AS f FROM read_parquet(${[file]}) WHERE protocol IS NOT NULL`),
  ).toEqual({ f: null })
  expect((await table.store.get(`${table.path}/_delta_log/_last_checkpoint`))!.toString()).toBe('{"version":0,"size":3}')
})

test('a tombstone past the table’s retention is forgotten', async () => {
  await using table = await tempTable()
  const metaData = { fields: someFields, configuration: { 'delta.deletedFileRetentionDuration': 'interval 0 seconds' } }
  const zero = await commit(table, { base: undefined, mode: 'append', operation: 'WRITE', metaData, adds: [someAdd('a')] })
  const one = await commit(table, { base: zero, mode: 'overwrite', operation: 'WRITE', adds: [someAdd('b')] })
  expect(one.tombstones.size).toBe(1)
  await checkpoint(duck, table, one)
  expect((await loadSnapshot(table))!.tombstones.size).toBe(0)
})

test('the hint never moves backwards', async () => {
  await using table = await tempTable()
  const zero = await commit(table, { base: undefined, mode: 'append', operation: 'WRITE', metaData: { fields: someFields } })
  const one = await commit(table, { base: zero, mode: 'append', operation: 'WRITE', adds: [someAdd('a')] })
  await checkpoint(duck, table, one)
  await checkpoint(duck, table, zero)
  expect((await table.store.get(`${table.path}/_delta_log/_last_checkpoint`))!.toString()).toContain('"version":1')
})

test('a checkpoint of another engine, with columns of its own, reads too', async () => {
  await using table = await tempTable()
  const zero = await commit(table, {
    base: undefined,
    mode: 'append',
    operation: 'WRITE',
    metaData: { fields: someFields },
    adds: [someAdd('a')],
  })
  await checkpoint(duck, table, zero)
  const file = await table.store.fetch(checkpointPath(table, 0))
  const other = `${table.store.scratch}/other.parquet`
  await duck.run(sql`COPY (SELECT protocol, "metaData", CASE WHEN add IS NOT NULL THEN struct_insert(add, stats_parsed := {'numRecords': 1}) END AS add, NULL::STRUCT(domain VARCHAR) AS "domainMetadata"
    FROM read_parquet(${[file]})) TO ${other} (FORMAT parquet)`)
  await table.store.putFile(checkpointPath(table, 0), other)
  await table.store.delete(commitPath(table, 0))
  await commit(table, { base: zero, mode: 'append', operation: 'WRITE', adds: [someAdd('b')] })
  expect([...(await loadSnapshot(table))!.files.keys()]).toEqual(['a', 'b'])
})
