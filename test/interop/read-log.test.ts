import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkpoint } from '../../lake/checkpoint.ts'
import { commit } from '../../lake/commit.ts'
import { tablePath } from '../../lake/layout.ts'
import { loadSnapshot } from '../../lake/log.ts'
import { commitPath, dataPath } from '../../lake/path.ts'
import { scan } from '../../lake/scan.ts'
import { field } from '../../lake/schema.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { sql } from '../../lake/sql.ts'
import { writeFile } from '../../lake/write.ts'
import { someFields, tempTable } from '../unit/lake/temp-table.ts'
import { type EngineName, engineNames } from './engines/engines.ts'
import { Others } from './others.ts'
import { folderOf } from './same-rows.ts'

let others: Others
beforeAll(async () => {
  others = await Others.open()
})
afterAll(() => others.close())

test('versions: appends, a new column, a merge, an overwrite; each version reads as it was', async () => {
  await using table = await tempTable()
  const { duck } = others
  const one = await others.append(table, sql`SELECT i AS id, 'a' AS name FROM range(10) t(i)`, { fields: someFields })
  const wider = [
    ...someFields,
    field('at', 'timestamp'),
    field('tags', { type: 'array', elementType: 'string', containsNull: true }),
  ]
  const two = await others.append(
    table,
    sql`SELECT i AS id, 'b' AS name, '2026-01-01'::TIMESTAMPTZ AS at, ['x'] AS tags FROM range(10, 20) t(i)`,
    { base: one, fields: wider },
  )
  const [first] = two.files.values()
  const kept = sql`SELECT * FROM ${await scan(table, two, { files: [first!] })} WHERE id <> 5`
  const rewritten = await writeFile(duck, table, { select: kept, fields: wider })
  const txns = [{ appId: 'bronze', version: 7n }]
  const merge = { base: two, mode: 'merge', operation: 'MERGE', removes: [first!.path], adds: [rewritten!], txns } as const
  const three = await commit(table, merge)
  const replacing = await writeFile(duck, table, { select: sql`SELECT 1 AS id`, fields: [field('id', 'string')] })
  const four = await commit(table, {
    base: three,
    mode: 'overwrite',
    operation: 'WRITE',
    metaData: { fields: [field('id', 'string')] },
    adds: [replacing!],
  })
  for (const snapshot of [one, two, three, four]) await others.same(table, snapshot, { travel: true })
  const history = await others.engines.spark(folderOf(table), 'DESCRIBE HISTORY {table}')
  expect(history.map(({ version, operation }) => [version, operation])).toEqual([
    [3, 'WRITE'],
    [2, 'MERGE'],
    [1, 'WRITE'],
    [0, 'WRITE'],
  ])
})

test('a column that MySQL dropped stays, NULL from then on', async () => {
  await using table = await tempTable()
  const fields = [field('id', 'long'), field('gone', 'decimal(10,2)'), field('new', 'date')]
  const one = await others.append(table, sql`SELECT 1 AS id, 2.5 AS gone`, { fields: fields.slice(0, 2) })
  const two = await others.append(table, sql`SELECT 2 AS id, NULL AS gone, '2026-11-21' AS new`, { base: one, fields })
  expect(await others.same(table, two)).toBe(2)
})

test('hostile partition values', async () => {
  await using table = await tempTable()
  const values = ["o'clock", 'a=b/../c', '%2F', 'a b%c', '日本', '😀', '*?[x]', 'dot.', 'plus+and&', 'quote"\\', '__HIVE__', null]
  const fields = [field('n', 'integer'), field('p', 'string'), field('day', 'date')]
  let base: Snapshot | undefined
  for (const [n, p] of values.entries()) {
    base = await others.append(table, sql`SELECT ${n} AS n`, { fields, stats: ['n'], partition: { p, day: '2026-11-21' }, base })
  }
  expect(await others.same(table, base!)).toBe(values.length)
  expect(await others.same(table, base!, { where: "p = '%2F'" })).toBe(1)
  expect(await others.same(table, base!, { where: 'p IS NULL' })).toBe(1)
})

test('bronze by day: an old day, an unpartitioned text beside it, and none at all', async () => {
  await using table = await tempTable('bronze/shop/orders')
  const fields = [field('_offset', 'long'), field('_value', 'string'), field('_ingest_date', 'date')]
  let base: Snapshot | undefined
  for (const [n, day] of ['1970-01-01', '2026-11-20', '2026-11-21', '9999-12-31'].entries()) {
    base = await others.append(table, sql`SELECT ${n} AS _offset, '{}' AS _value`, {
      fields,
      stats: ['_offset'],
      partition: { _ingest_date: day },
      base,
    })
  }
  expect(await others.same(table, base!)).toBe(4)
  expect(await others.same(table, base!, { where: "_ingest_date >= DATE '2026-11-21'" })).toBe(2)
})

test('tables and databases of any name: their folders are plain', async () => {
  for (const name of ['order lines', '日本 表', 'a+b&c/#1? 100%', '😀', '..']) {
    await using table = await tempTable(tablePath('silver', { database: name, table: name }, '_history'))
    const one = await others.append(table, sql`SELECT 1 AS id, 'x' AS name`, { fields: someFields })
    await checkpoint(others.duck, table, one)
    const two = await others.append(table, sql`SELECT 2 AS id, 'y' AS name`, { base: one, fields: someFields })
    expect(await others.same(table, two)).toBe(2)
  }
})

/** Who reads a table whose lake lies in a folder of such a name. What an engine cannot do here it cannot do with its own tables either. */
test.each<[string, EngineName[]]>([
  ['a+b&c', ['spark', 'deltalake', 'duckdb', 'polars']],
  ['two words', ['spark', 'deltalake', 'duckdb']],
  ['日本', ['spark', 'deltalake', 'duckdb']],
  ['100%', ['spark', 'deltalake']],
])('a lake in a folder named %s', async (name, can) => {
  await using table = await tempTable(`${name}/silver/orders`)
  const one = await others.append(table, sql`SELECT 1 AS id, 'x' AS name`, { fields: someFields })
  const two = await others.append(table, sql`SELECT 2 AS id, 'y' AS name`, { base: one, fields: someFields })
  const reads = async (engine: EngineName) =>
    others.same(table, two, { among: [engine] }).then(
      rows => rows === 2,
      () => false,
    )
  const able: EngineName[] = []
  for (const engine of engineNames) if (await reads(engine)) able.push(engine)
  expect(able).toEqual(can)
})

test('after a checkpoint, with the older commits gone', async () => {
  await using table = await tempTable()
  let base: Snapshot | undefined
  for (let n = 0; n < 6; n++) {
    const txns = [{ appId: 'binlake/topic#1/0', version: BigInt(n + 1) }]
    const next: Snapshot = await others.append(table, sql`SELECT ${n} AS id, 'x' AS name`, { fields: someFields, base, txns })
    base =
      n === 3
        ? await commit(table, { base: next, mode: 'merge', operation: 'DELETE', removes: [next.files.keys().next().value!] })
        : next
    if (n === 4) await checkpoint(others.duck, table, base)
  }
  const { version } = base!
  for (let old = 0; old < version - 1; old++) await table.store.delete(commitPath(table, old))
  await others.same(table, base!)
  await others.same(table, base!, { travel: true })
  await others.same(table, (await loadSnapshot(table))!)
  await table.store.delete(`${table.path}/_delta_log/_last_checkpoint`)
  await others.same(table, base!)
})

test('from a checkpoint alone, no commit left after it', async () => {
  await using table = await tempTable()
  const one = await others.append(table, sql`SELECT 1 AS id, 'x' AS name`, { fields: someFields })
  const two = await others.append(table, sql`SELECT 2 AS id, 'y' AS name`, { base: one, fields: someFields })
  await checkpoint(others.duck, table, two)
  await table.store.delete(commitPath(table, 0))
  expect(await others.same(table, two)).toBe(2)
})

test('after a compaction, at every version around it', async () => {
  await using table = await tempTable()
  const one = await others.append(table, sql`SELECT i AS id, 'a' AS name FROM range(5) t(i)`, { fields: someFields })
  const two = await others.append(table, sql`SELECT i AS id, 'b' AS name FROM range(5, 9) t(i)`, {
    base: one,
    fields: someFields,
  })
  const joined = await writeFile(others.duck, table, { select: await scan(table, two), fields: someFields, stats: ['id'] })
  const removes = [...two.files.keys()]
  const three = await commit(table, { base: two, mode: 'compaction', operation: 'OPTIMIZE', removes, adds: [joined!] })
  const four = await others.append(table, sql`SELECT 9 AS id, 'c' AS name`, { base: three, fields: someFields })
  for (const snapshot of [two, three, four]) await others.same(table, snapshot, { travel: true })
  expect(await table.store.head(dataPath(table, removes[0]!))).toBeDefined()
})

test('an empty table, and one emptied again', async () => {
  await using table = await tempTable()
  const metaData = { fields: someFields }
  const empty = await commit(table, { base: undefined, mode: 'append', operation: 'CREATE TABLE', metaData })
  expect(await others.same(table, empty)).toBe(0)
  const one = await others.append(table, sql`SELECT 1 AS id, 'x' AS name`, { base: empty, fields: someFields })
  const none = await commit(table, { base: one, mode: 'merge', operation: 'DELETE', removes: [...one.files.keys()] })
  expect(await others.same(table, none)).toBe(0)
})
