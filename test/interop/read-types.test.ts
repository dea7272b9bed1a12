import { afterAll, beforeAll, expect, test } from 'vitest'
import { commit } from '../../lake/commit.ts'
import { Duck } from '../../lake/duckdb.ts'
import { type DeltaType, duckType, field } from '../../lake/schema.ts'
import { id, join, sql, trusted } from '../../lake/sql.ts'
import { writeFile } from '../../lake/write.ts'
import { tempTable } from '../unit/lake/temp-table.ts'
import { Engines } from './engines/engines.ts'
import { expectSameRows, folderOf } from './same-rows.ts'

let duck: Duck
let engines: Engines
beforeAll(async () => {
  duck = await Duck.open()
  engines = await Engines.connect()
})
afterAll(async () => {
  engines.close()
  await duck.close()
})

/** SQL texts of edge values; rows beyond a type's last value hold NULL. */
const types: [DeltaType, string[]][] = [
  ['byte', ['-128', '127', '0']],
  ['short', ['-32768', '32767', '0']],
  ['integer', ['-2147483648', '2147483647', '0']],
  ['long', ['-9223372036854775808', '9007199254740993', '9223372036854775807']],
  ['float', ['-1.5', '0.1', "'-Infinity'"]],
  ['double', ["'NaN'", '1.7976931348623157e308', '-5e-324']],
  ['boolean', ['true', 'false']],
  ['string', ["''", "'日本 é \u2028 '' \"\\'", "'😀 👩‍👩‍👧 ' || chr(0) || chr(9) || chr(10) || 'end'"]],
  ['binary', ["'\\x00\\xFF'::BLOB", "''::BLOB", "'\\x00'::BLOB"]],
  ['date', ["'0001-01-01'", "'9999-12-31'", "'1582-10-04'", "'1582-10-15'", "'1969-12-31'"]],
  [
    'timestamp',
    [
      "'0001-01-01 00:00:00+00'",
      "'9999-12-31 23:59:59.999999+00'",
      "'1582-10-04 23:59:59.999999+00'",
      "'1582-10-15 00:00:00+00'",
      "'1899-12-31 23:59:59.999999+00'",
      "'1969-12-31 23:59:59.999999+00'",
    ],
  ],
  ['decimal(9,2)', ['-9999999.99', '0.01', '9999999.99']],
  ['decimal(18,0)', ['-999999999999999999', '999999999999999999']],
  ['decimal(20,0)', ['0', '18446744073709551615']],
  ['decimal(38,0)', ["'-99999999999999999999999999999999999999'", "'99999999999999999999999999999999999999'"]],
  ['decimal(38,10)', ["'-9999999999999999999999999999.9999999999'", "'0.0000000001'"]],
  ['decimal(38,38)', ["'-0.99999999999999999999999999999999999999'", "'0.00000000000000000000000000000000000001'"]],
  [{ type: 'array', elementType: 'string', containsNull: true }, ['[]', "['a', NULL, '']"]],
  [{ type: 'array', elementType: 'float', containsNull: true }, ['[0.1, -1.5]']],
  [
    { type: 'struct', fields: [field('wkb', 'binary'), field('srid', 'integer')] },
    ["{'wkb': '\\x01\\x00'::BLOB, 'srid': 4326}", "{'wkb': NULL, 'srid': NULL}"],
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

const fields = [field('n', 'integer'), ...types.map(([type], i) => field(`c${i}`, type))]

async function tableOfTypes() {
  const table = await tempTable()
  const row = (at: number) => {
    const values = types.map(
      ([type, texts], i) => sql`CAST(${trusted(texts[at] ?? 'NULL')} AS ${trusted(duckType(type))}) AS ${id(`c${i}`)}`,
    )
    return sql`SELECT ${at} AS n, ${join(values)}`
  }
  const rows = [0, 1, 2, 3, 4, 5, 6].map(row)
  const stats = fields.map(({ name }) => name)
  const add = await writeFile(duck, table, { select: join(rows, ' UNION ALL '), fields, stats })
  const snapshot = await commit(table, {
    base: undefined,
    mode: 'append',
    operation: 'WRITE',
    metaData: { fields },
    adds: [add!],
  })
  return { table, snapshot }
}

test('every type at its edges, with statistics', async () => {
  const { table, snapshot } = await tableOfTypes()
  await using _ = table
  expect(await expectSameRows({ engines, duck, table, snapshot })).toBe(7)
})

test('Spark without its vectorized reader, and refusing to guess at ancient dates', async () => {
  const { table, snapshot } = await tableOfTypes()
  await using _ = table
  for (const setting of [
    'enableVectorizedReader=false',
    'datetimeRebaseModeInRead=EXCEPTION',
    'int96RebaseModeInRead=EXCEPTION',
  ]) {
    await engines.spark(folderOf(table), `SET spark.sql.parquet.${setting}`)
    expect(await expectSameRows({ engines, duck, table, snapshot, among: ['spark'] })).toBe(7)
  }
  await engines.spark(folderOf(table), 'RESET spark.sql.parquet.enableVectorizedReader')
  expect(await expectSameRows({ engines, duck, table, snapshot, among: ['spark'] })).toBe(7)
})
