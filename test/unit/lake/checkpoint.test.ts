import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkpoint, checkpointDue } from '../../../lake/checkpoint.ts'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { checkpointPartPath, checkpointPath, commitPath, lastCheckpointPath } from '../../../lake/path.ts'
import type { Snapshot } from '../../../lake/snapshot.ts'
import { sql } from '../../../lake/sql.ts'
import { someAdd, someFields, type TempTable, tempTable } from './temp-table.ts'

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
  let zero = await commit(table, {
    base: undefined,
    mode: 'append',
    operation: 'WRITE',
    metaData: { fields: someFields },
    adds: [someAdd('old')],
  })
  zero = await commit(table, { base: zero, mode: 'merge', operation: 'MERGE', removes: ['old'], adds: [someAdd('a')] })
  await checkpoint(duck, table, zero)
  const file = await table.store.fetch(checkpointPath(table, 1))
  const other = `${table.store.scratch}/other.parquet`
  // As Spark writes them, with statistics and partition values as columns too; here the statistics' text is left out altogether.
  await duck.run(sql`COPY (SELECT protocol, "metaData", CASE WHEN add IS NOT NULL THEN {
      path: add.path, "partitionValues": add."partitionValues", size: add.size, "modificationTime": add."modificationTime", "dataChange": false,
      "baseRowId": NULL::BIGINT, "clusteringProvider": NULL::VARCHAR, "partitionValues_parsed": {d: DATE '2026-01-01'},
      stats_parsed: {"numRecords": 7::BIGINT, "minValues": {id: 9007199254740993}, "maxValues": {id: 9007199254740993}}} END AS add,
      CASE WHEN remove IS NOT NULL THEN {path: remove.path, "dataChange": false} END AS remove, NULL::STRUCT(domain VARCHAR) AS "domainMetadata"
    FROM read_parquet(${[file]})) TO ${other} (FORMAT parquet)`)
  await table.store.putFile(checkpointPath(table, 1), other)
  for (const version of [0, 1]) await table.store.delete(commitPath(table, version))
  await commit(table, { base: zero, mode: 'append', operation: 'WRITE', adds: [someAdd('b')] })
  const opened = (await loadSnapshot(table))!
  expect([...opened.files.keys()]).toEqual(['a', 'b'])
  const { stats: _, ...bare } = someAdd('a', { dataChange: false })
  expect(opened.files.get('a')).toEqual({ ...bare, stats: '{"numRecords":7}' })
  expect(opened.tombstones.get('old')).toEqual({ path: 'old', dataChange: false })
})

/** The table of one version, its checkpoint cut into parts as Spark does, its commit gone, and one commit after it. */
async function inParts(table: TempTable, parts: number): Promise<string[]> {
  const zero = await commit(table, {
    base: undefined,
    mode: 'append',
    operation: 'WRITE',
    metaData: { fields: someFields },
    adds: ['a', 'b', 'c', 'd'].map(path => someAdd(path)),
    txns: [{ appId: 'p', version: 5n }],
  })
  await checkpoint(duck, table, zero)
  const whole = await table.store.fetch(checkpointPath(table, 0))
  const paths: string[] = []
  for (let part = 1; part <= parts; part++) {
    const file = `${table.store.scratch}/part.parquet`
    await duck.run(sql`COPY (SELECT * EXCLUDE (file_row_number) FROM read_parquet(${[whole]}, file_row_number = true)
      WHERE file_row_number % ${parts} = ${part - 1}) TO ${file} (FORMAT parquet)`)
    paths.push(checkpointPartPath(table, 0, { part, parts }))
    await table.store.putFile(paths.at(-1)!, file)
  }
  await table.store.delete(checkpointPath(table, 0))
  await table.store.delete(lastCheckpointPath(table))
  await commit(table, { base: zero, mode: 'append', operation: 'WRITE', adds: [someAdd('e')] })
  await table.store.delete(commitPath(table, 0))
  return paths
}

test('a checkpoint in several parts reads whole, with its hint and without, and its hint may hold more than ours', async () => {
  await using table = await tempTable()
  await inParts(table, 3)
  const hints = [
    undefined,
    '{"version":0,"size":7,"parts":3}',
    '{"version":0,"size":7,"parts":3,"sizeInBytes":999,"numOfAddFiles":4,"checkpointSchema":{"type":"struct","fields":[]},"checksum":"0"}',
    '{"version":0,"size":7}',
  ]
  for (const hint of hints) {
    if (hint) await table.store.put(lastCheckpointPath(table), Buffer.from(hint))
    const opened = (await loadSnapshot(table))!
    expect(opened.version).toBe(1)
    expect(new Set(opened.files.keys())).toEqual(new Set(['a', 'b', 'c', 'd', 'e']))
    expect(opened.txns).toEqual(new Map([['p', 5n]]))
  }
})

test('a checkpoint that lacks a part is none', async () => {
  await using table = await tempTable()
  const [, second] = await inParts(table, 3)
  await table.store.delete(second!)
  for (const hint of ['{"version":0,"size":7,"parts":3}', undefined]) {
    if (hint) await table.store.put(lastCheckpointPath(table), Buffer.from(hint))
    await expect(loadSnapshot(table)).rejects.toMatchObject({
      code: 'LAKE_CORRUPT_LOG',
      message: expect.stringContaining('version 0 is missing'),
    })
  }
})

test('a checkpoint of V2 form is passed over while there is another way, and refused with the reason when there is none', async () => {
  await using table = await tempTable()
  let base: Snapshot | undefined
  for (const path of ['a', 'b', 'c'])
    base = await commit(table, {
      base,
      mode: 'append',
      operation: 'WRITE',
      metaData: { fields: someFields },
      adds: [someAdd(path)],
    })
  const v2 = `${table.path}/_delta_log/00000000000000000002.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.parquet`
  await table.store.put(v2, Buffer.from('side files'))
  await table.store.put(lastCheckpointPath(table), Buffer.from('{"version":2,"size":5,"v2Checkpoint":{"path":"x"}}'))
  await table.store.put(`${table.path}/_delta_log/00000000000000000002.crc`, Buffer.from('{}'))
  expect((await loadSnapshot(table))!.files.size).toBe(3)
  await table.store.delete(commitPath(table, 0))
  await expect(loadSnapshot(table)).rejects.toMatchObject({
    code: 'LAKE_UNSUPPORTED_TABLE',
    message: expect.stringContaining('checkpoint of V2 form at version 2'),
  })
})

test('a V2 checkpoint under a classic name is known by its side files', async () => {
  await using table = await tempTable()
  const base = await commit(table, { base: undefined, mode: 'append', operation: 'WRITE', metaData: { fields: someFields } })
  await checkpoint(duck, table, base)
  const file = await table.store.fetch(checkpointPath(table, 0))
  const other = `${table.store.scratch}/v2.parquet`
  await duck.run(sql`COPY (SELECT *, NULL::STRUCT(path VARCHAR) AS sidecar FROM read_parquet(${[file]})
    UNION ALL BY NAME SELECT {path: 'side.parquet'} AS sidecar) TO ${other} (FORMAT parquet)`)
  await table.store.putFile(checkpointPath(table, 0), other)
  await expect(loadSnapshot(table)).rejects.toMatchObject({
    code: 'LAKE_UNSUPPORTED_TABLE',
    message: expect.stringContaining('V2'),
  })
})
