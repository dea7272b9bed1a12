import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkpoint } from '../../lake/checkpoint.ts'
import { type CommitOptions, commit } from '../../lake/commit.ts'
import { Duck } from '../../lake/duckdb.ts'
import { loadSnapshot } from '../../lake/log.ts'
import { commitPath, dataPath } from '../../lake/path.ts'
import { scan } from '../../lake/scan.ts'
import { type DeltaType, duckType, type Field, field } from '../../lake/schema.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join as joinSql, type Sql, sql, trusted } from '../../lake/sql.ts'
import type { Table } from '../../lake/table.ts'
import { writeFile } from '../../lake/write.ts'
import { someFields, type TempTable, tempTable } from '../unit/lake/temp-table.ts'
import { python, readDelta } from './python.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open()
})
afterAll(() => duck.close())

const folder = (table: TempTable) => join(table.dir, table.path)

async function append(
  table: Table,
  select: Sql,
  options: { base?: Snapshot; fields?: Field[]; stats?: string[]; partition?: Record<string, string | null> } = {},
) {
  const { base, fields = someFields, stats = [], partition = {} } = options
  const add = await writeFile(duck, table, { select, fields, stats, partition })
  const metaData = { fields, partitionColumns: Object.keys(partition) }
  return commit(table, { base, mode: 'append', operation: 'WRITE', metaData, adds: [add!] } satisfies CommitOptions)
}

/** Both engines must see what binlake's own scan sees. */
async function expectSame(table: TempTable, snapshot: Snapshot, order: string[]): Promise<void> {
  const own = await duck.json(sql`SELECT * FROM ${await scan(table, snapshot)} ORDER BY ${joinSql(order.map(name => id(name)))}`)
  const seen = await readDelta(folder(table), { version: snapshot.version, order })
  for (const reading of Object.values(seen)) {
    expect(reading.version).toBe(snapshot.version)
    expect(reading.columns).toEqual(snapshot.fields.map(({ name }) => name))
    expect(reading.rows).toEqual(own)
  }
}

const types: [DeltaType, string[]][] = [
  ['byte', ['-128', '127']],
  ['short', ['-32768', '32767']],
  ['integer', ['-2147483648', '2147483647']],
  ['long', ['-9223372036854775808', '9007199254740993']],
  ['float', ['-1.5', '0.1']],
  ['double', ["'NaN'", '1.7976931348623157e308']],
  ['boolean', ['true', 'false']],
  ['string', ["''", "'日本 é \u2028 '' \"\\'"]],
  ['binary', ["'\\x00\\xFF'::BLOB", "''::BLOB"]],
  ['date', ["'1500-02-28'", "'9999-12-31'"]],
  ['timestamp', ["'1500-01-01 00:00:00.000001+00'", "'2026-11-21 23:59:59.999999+00'"]],
  ['decimal(9,2)', ['-9999999.99', '0.01']],
  ['decimal(18,0)', ['-999999999999999999', '999999999999999999']],
  ['decimal(20,0)', ['0', '18446744073709551615']],
  ['decimal(38,10)', ["'-9999999999999999999999999999.9999999999'", "'0.0000000001'"]],
  [{ type: 'array', elementType: 'string', containsNull: true }, ['[]', "['a', NULL, '']"]],
  [
    { type: 'struct', fields: [field('wkb', 'binary'), field('srid', 'integer')] },
    ["{'wkb': '\\x01'::BLOB, 'srid': 4326}", "{'wkb': NULL, 'srid': NULL}"],
  ],
  [{ type: 'map', keyType: 'string', valueType: 'double', valueContainsNull: true }, ["MAP {'k': 1.5, 'n': NULL}", 'MAP {}']],
  [
    {
      type: 'array',
      elementType: { type: 'struct', fields: [field('x', { type: 'array', elementType: 'long', containsNull: true })] },
      containsNull: true,
    },
    ["[{'x': [9007199254740993]}, NULL]", "[{'x': NULL}]"],
  ],
]

test('every type, with statistics, reads as we read it', async () => {
  await using table = await tempTable()
  const fields = [field('n', 'integer'), ...types.map(([type], i) => field(`c${i}`, type))]
  const row = (at: number) => {
    const values = types.map(
      ([type, texts], i) => sql`CAST(${trusted(texts[at] ?? 'NULL')} AS ${trusted(duckType(type))}) AS ${id(`c${i}`)}`,
    )
    return sql`SELECT ${at} AS n, ${joinSql(values)}`
  }
  const stats = fields.map(({ name }) => name)
  const snapshot = await append(table, joinSql([row(0), row(1), row(2)], ' UNION ALL '), { fields, stats })
  await expectSame(table, snapshot, ['n'])
})

test('versions: appends, a new column, a merge, an overwrite; each version reads as it was', async () => {
  await using table = await tempTable()
  const one = await append(table, sql`SELECT i AS id, 'a' AS name FROM range(10) t(i)`, { stats: ['id'] })
  const wider = [
    ...someFields,
    field('at', 'timestamp'),
    field('tags', { type: 'array', elementType: 'string', containsNull: true }),
  ]
  const two = await append(
    table,
    sql`SELECT i AS id, 'b' AS name, '2026-01-01'::TIMESTAMPTZ AS at, ['x'] AS tags FROM range(10, 20) t(i)`,
    { base: one, fields: wider, stats: ['id', 'at'] },
  )
  const [first] = two.files.values()
  const kept = sql`SELECT * FROM ${await scan(table, two, { files: [first!] })} WHERE id <> 5`
  const rewritten = await writeFile(duck, table, { select: kept, fields: wider })
  const txns = [{ appId: 'bronze', version: 7n }]
  const three = await commit(table, {
    base: two,
    mode: 'merge',
    operation: 'MERGE',
    removes: [first!.path],
    adds: [rewritten!],
    txns,
  })
  const replacing = await writeFile(duck, table, { select: sql`SELECT 1 AS id`, fields: [field('id', 'string')] })
  const four = await commit(table, {
    base: three,
    mode: 'overwrite',
    operation: 'WRITE',
    metaData: { fields: [field('id', 'string')] },
    adds: [replacing!],
  })
  for (const snapshot of [one, two, three, four]) await expectSame(table, snapshot, ['id'])
})

test('hostile partition values', async () => {
  await using table = await tempTable()
  const values = ["o'clock", 'a=b/../c', '%2F', 'a b%c', '日本', '*?[x]', 'dot.', 'plus+and&', null]
  const fields = [field('n', 'integer'), field('p', 'string'), field('day', 'date')]
  let base: Snapshot | undefined
  for (const [n, p] of values.entries()) {
    base = await append(table, sql`SELECT ${n} AS n`, { fields, partition: { p, day: '2026-11-21' }, ...(base ? { base } : {}) })
  }
  await expectSame(table, base!, ['n'])
})

test('after a checkpoint, with the older commits gone', async () => {
  await using table = await tempTable()
  let base: Snapshot | undefined
  for (let n = 0; n < 6; n++) {
    const next: Snapshot = await append(table, sql`SELECT ${n} AS id, 'x' AS name`, { stats: ['id'], ...(base ? { base } : {}) })
    base =
      n === 3
        ? await commit(table, { base: next, mode: 'merge', operation: 'DELETE', removes: [next.files.keys().next().value!] })
        : next
    if (n === 4) await checkpoint(duck, table, base)
  }
  const { version } = base!
  for (let old = 0; old < version - 1; old++) await table.store.delete(commitPath(table, old))
  await expectSame(table, base!, ['id'])
  await expectSame(table, (await loadSnapshot(table))!, ['id'])
  await table.store.delete(`${table.path}/_delta_log/_last_checkpoint`)
  await expectSame(table, base!, ['id'])
})

test('delta-rs appends to, compacts and checkpoints our table; we go on after it', async () => {
  await using table = await tempTable()
  const one = await append(table, sql`SELECT 1 AS id, 'ours' AS name`)
  await python('write_delta.py', folder(table), 'append')
  const two = (await loadSnapshot(table, { known: one }))!
  expect(two.version).toBe(1)
  const three = await append(table, sql`SELECT 2 AS id, 'ours again' AS name`, { base: two })
  await python('write_delta.py', folder(table), 'optimize')
  await python('write_delta.py', folder(table), 'checkpoint')
  const four = (await loadSnapshot(table, { known: three }))!
  expect(four.files.size).toBe(1)
  const opened = (await loadSnapshot(table))!
  expect([...opened.files.keys()]).toEqual([...four.files.keys()])
  const five = await append(table, sql`SELECT 3 AS id, 'after' AS name`, { base: opened })
  await expectSame(table, five, ['id'])
  expect(await duck.json(sql`SELECT name FROM ${await scan(table, five)} ORDER BY id`)).toEqual([
    { name: 'ours' },
    { name: 'ours again' },
    { name: 'after' },
    { name: 'delta-rs' },
  ])
})

test('delta-rs would vacuum exactly the files we removed', async () => {
  await using table = await tempTable()
  const one = await append(table, sql`SELECT 1 AS id, 'a' AS name`)
  const two = await append(table, sql`SELECT 2 AS id, 'b' AS name`, { base: one })
  const [removed] = two.files.keys()
  await commit(table, { base: two, mode: 'merge', operation: 'DELETE', removes: [removed!] })
  expect(await table.store.head(dataPath(table, removed!))).toBeDefined()
  expect(JSON.parse(await python('write_delta.py', folder(table), 'vacuum'))).toEqual([removed])
})
