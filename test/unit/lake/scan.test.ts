import { afterAll, beforeAll, expect, test } from 'vitest'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { dataPath } from '../../../lake/path.ts'
import { scan } from '../../../lake/scan.ts'
import { type DeltaType, type Field, field } from '../../../lake/schema.ts'
import type { Snapshot } from '../../../lake/snapshot.ts'
import { id, join, type Sql, sql, trusted } from '../../../lake/sql.ts'
import type { Table } from '../../../lake/table.ts'
import { writeFile } from '../../../lake/write.ts'
import { someFields, tempTable } from './temp-table.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open()
})
afterAll(() => duck.close())

interface Rows {
  select: Sql
  fields: Field[]
  partition?: Record<string, string | null>
  base?: Snapshot
}

async function append(table: Table, { select, fields, partition = {}, base }: Rows): Promise<Snapshot> {
  const add = await writeFile(duck, table, { select, fields, partition })
  return commit(table, {
    base,
    mode: 'append',
    operation: 'WRITE',
    metaData: { fields, partitionColumns: Object.keys(partition) },
    adds: add ? [add] : [],
  })
}

/** Every type, with values at its edges. */
const types: [DeltaType, string[]][] = [
  ['byte', ['-128', '127']],
  ['short', ['-32768', '32767']],
  ['integer', ['-2147483648', '2147483647']],
  ['long', ['-9223372036854775808', '9223372036854775807']],
  ['float', ["'-Infinity'", '3.4e38']],
  ['double', ["'NaN'", '1.7976931348623157e308']],
  ['boolean', ['true', 'false']],
  ['string', ["''", "'日本 é \u2028 '' \"'"]],
  ['binary', ["'\\x00\\xFF'::BLOB", "''::BLOB"]],
  ['date', ["'0001-01-01'", "'9999-12-31'"]],
  ['timestamp', ["'0001-01-01 00:00:00+00'", "'9999-12-31 23:59:59.999999+00'"]],
  ['decimal(9,2)', ['-9999999.99', '9999999.99']],
  ['decimal(18,0)', ['-999999999999999999', '999999999999999999']],
  ['decimal(20,0)', ['0', '18446744073709551615']],
  ['decimal(38,10)', ["'-9999999999999999999999999999.9999999999'", "'9999999999999999999999999999.9999999999'"]],
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

test('every type comes back as it went, NULL too', async () => {
  await using table = await tempTable()
  const fields = [field('n', 'integer'), ...types.map(([type], i) => field(`c${i}`, type))]
  const row = (at: number) =>
    sql`SELECT ${at} AS n, ${join(types.map(([type, values], i) => sql`CAST(${trusted(values[at] ?? 'NULL')} AS ${trusted(duckType(type))}) AS ${id(`c${i}`)}`))}`
  const select = join([row(0), row(1), row(2)], ' UNION ALL ')
  const snapshot = await append(table, { select, fields })
  const read = sql`SELECT * FROM ${await scan(table, snapshot)}`
  expect(await duck.json(sql`${read} ORDER BY n`)).toEqual(await duck.json(sql`SELECT * FROM (${select}) ORDER BY n`))
  const described = await duck.rows(sql`SELECT column_type FROM (DESCRIBE ${read})`)
  expect(described).toEqual(await duck.rows(sql`SELECT column_type FROM (DESCRIBE ${select})`))
})

test('an empty table has its columns and their types', async () => {
  await using table = await tempTable()
  const fields = [field('id', 'decimal(20,0)'), field('tags', { type: 'array', elementType: 'string', containsNull: true })]
  const snapshot = await append(table, { select: sql`SELECT 1 AS id, [] AS tags WHERE false`, fields })
  const relation = await scan(table, snapshot, { fileColumn: '_path' })
  expect(await duck.rows(sql`SELECT * FROM ${relation}`)).toEqual([])
  expect(await duck.rows(sql`SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM ${relation})`)).toEqual([
    { column_name: 'id', column_type: 'DECIMAL(20,0)' },
    { column_name: 'tags', column_type: 'VARCHAR[]' },
    { column_name: '_path', column_type: 'VARCHAR' },
  ])
})

test('old files give NULL for newer columns; columns are in the schema’s order', async () => {
  await using table = await tempTable()
  const one = await append(table, { select: sql`SELECT 1 AS id, 'a' AS name`, fields: someFields })
  const fields = [...someFields, field('at', 'timestamp'), field('point', { type: 'struct', fields: [field('x', 'integer')] })]
  const select = sql`SELECT {'x': 5} AS point, '2026-01-01'::TIMESTAMPTZ AS at, 'b' AS name, 2 AS id`
  const two = await append(table, { select, fields, base: one })
  expect(await duck.json(sql`SELECT * FROM ${await scan(table, two)} ORDER BY id`)).toEqual([
    { id: '1', name: 'a', at: null, point: null },
    { id: '2', name: 'b', at: '2026-01-01 00:00:00+00', point: { x: 5 } },
  ])
  expect(await duck.json(sql`SELECT * FROM ${await scan(table, one)}`)).toEqual([{ id: '1', name: 'a' }])
})

test('partition values come from the log, whatever they hold', async () => {
  await using table = await tempTable()
  const values = ["o'clock", 'a=b/../c', '%2F', '日本', ' ', '*?[x]', 'dot.', '__HIVE_DEFAULT_PARTITION__x', '', null]
  const fields = [field('n', 'integer'), field('p', 'string')]
  let base: Snapshot | undefined
  for (const [n, p] of values.entries())
    base = await append(table, { select: sql`SELECT ${n} AS n`, fields, partition: { p }, ...(base ? { base } : {}) })
  const rows = await duck.rows<{ n: number; p: string | null }>(sql`SELECT * FROM ${await scan(table, base!)} ORDER BY n`)
  expect(rows.map(row => row.p)).toEqual(values.map(value => value || null))
})

test('partition values have their column’s type', async () => {
  await using table = await tempTable()
  const fields = [field('day', 'date'), field('n', 'integer'), field('hour', 'short')]
  const one = await append(table, { select: sql`SELECT 1 AS n`, fields, partition: { day: '2026-11-21', hour: '7' } })
  const two = await append(table, { select: sql`SELECT 2 AS n`, fields, partition: { day: null, hour: '8' }, base: one })
  expect(await duck.json(sql`SELECT *, typeof(day) AS t FROM ${await scan(table, two)} ORDER BY n`)).toEqual([
    { day: '2026-11-21', n: 1, hour: 7, t: 'DATE' },
    { day: null, n: 2, hour: 8, t: 'DATE' },
  ])
})

test('only some files, only some columns, and where each row lies', async () => {
  await using table = await tempTable()
  const one = await append(table, { select: sql`SELECT 1 AS id, 'a' AS name`, fields: someFields })
  const two = await append(table, { select: sql`SELECT 2 AS id, 'b' AS name`, fields: someFields, base: one })
  const [first, second] = [...two.files.values()]
  expect(await duck.json(sql`SELECT * FROM ${await scan(table, two, { files: [second!], columns: ['name'] })}`)).toEqual([
    { name: 'b' },
  ])
  const located = await duck.rows(
    sql`SELECT * FROM ${await scan(table, two, { columns: ['id'], fileColumn: '_path' })} WHERE id = 2`,
  )
  expect(located).toEqual([{ id: 2n, _path: second!.path }])
  expect(first!.path).not.toBe(second!.path)
  await expect(scan(table, two, { columns: ['nope'] })).rejects.toMatchObject({ code: 'LAKE_SCHEMA_MISMATCH' })
})

test('names that mean something to DuckDB, and paths that look like patterns', async () => {
  await using table = await tempTable('silver/we[i]rd/t*')
  const names = ['filename', 'file_index', 'file_row_number', 'c0', 'C1', 'rowid', 'select', 'ünï"cödé']
  const fields = names.map(name => field(name, 'integer'))
  const select = sql`SELECT ${join(names.map((name, i) => sql`${i} AS ${id(name)}`))}`
  const one = await append(table, { select, fields })
  const two = await append(table, { select, fields, base: one })
  const rows = await duck.json(sql`SELECT * FROM ${await scan(table, two)}`)
  expect(rows).toEqual(Array.from({ length: 2 }, () => Object.fromEntries(names.map((name, i) => [name, i]))))
})

test('a live file that is gone is told, with its place', async () => {
  await using table = await tempTable()
  const snapshot = await append(table, { select: sql`SELECT 1 AS id, 'a' AS name`, fields: someFields })
  const [file] = snapshot.files.keys()
  await table.store.delete(dataPath(table, file!))
  await expect(scan(table, snapshot)).rejects.toMatchObject({
    code: 'STORE_MISSING',
    message: expect.stringMatching(new RegExp(`${file}.*version 0 of silver/shop/orders.*interval 1 week`)),
  })
})

function duckType(type: DeltaType): string {
  if (typeof type !== 'string') return duckNested(type)
  const names: Record<string, string> = {
    byte: 'TINYINT',
    short: 'SMALLINT',
    integer: 'INTEGER',
    long: 'BIGINT',
    string: 'VARCHAR',
    binary: 'BLOB',
    timestamp: 'TIMESTAMPTZ',
  }
  return names[type] ?? type.toUpperCase()
}

/** Spelled out once more, so that the test does not take the writer's word for it. */
function duckNested(type: Exclude<DeltaType, string>): string {
  if (type.type === 'array') return `${duckType(type.elementType)}[]`
  if (type.type === 'map') return `MAP(${duckType(type.keyType)}, ${duckType(type.valueType)})`
  return `STRUCT(${type.fields.map(({ name, type }) => `${name} ${duckType(type)}`).join(', ')})`
}
