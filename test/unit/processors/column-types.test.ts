import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Duck } from '../../../lake/duckdb.ts'
import { duckType } from '../../../lake/schema.ts'
import { type Sql, sql } from '../../../lake/sql.ts'
import { ColumnTypeUnknown, columnType } from '../../../processors/column-types.ts'
import type { SourceColumn } from '../../../processors/source-schema.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open({ threads: 1 })
})
afterAll(() => duck.close())

function column(declared: string, more: Partial<SourceColumn> = {}): SourceColumn {
  const [, typeName, length, scale] = /^([^(]+?)(?:\((\d+)(?:,(\d+))?\))?$/.exec(declared)!
  const sizes = { ...(length ? { length: Number(length) } : {}), ...(scale ? { scale: Number(scale) } : {}) }
  return { name: 'v', typeName: typeName!, optional: true, position: 1, ...sizes, ...more }
}

async function print(value: Sql, type: string): Promise<unknown> {
  const shown = type === 'BLOB' ? sql`hex(v)` : sql`v::VARCHAR`
  const row = await duck.row<{ text: unknown; type: string }>(
    sql`SELECT ${shown} AS text, typeof(v) AS type FROM (SELECT ${value} AS v)`,
  )
  expect(row!.type).toBe(type)
  return row!.text
}

/** As Debezium's JSON field (text of the JSON value) and as MySQL's text, printed from DuckDB. */
async function both(declared: string, json: string, mysql: string | null, more?: Partial<SourceColumn>) {
  const type = columnType(column(declared, more))
  const structure = JSON.stringify({ v: type.jsonType })
  const field = sql`json_transform_strict(${`{"v":${json}}`}, ${structure}).v`
  const fromJson = type.fromJson(type.meansNull ? sql`CASE WHEN NOT ${type.meansNull(field)} THEN ${field} END` : field)
  const fromMysql = type.fromMysql(sql`${mysql}::VARCHAR`)
  const stored = duckType(type.delta).replaceAll('"', '').replace('TIMESTAMPTZ', 'TIMESTAMP WITH TIME ZONE')
  return [await print(fromJson, stored), await print(fromMysql, stored)]
}

const cases: [declared: string, json: string, mysql: string | null, expected: string | null][] = [
  ['TINYINT', '-128', '-128', '-128'],
  ['TINYINT(1)', '2', '2', '2'],
  ['TINYINT(1)', 'true', '1', '1'],
  ['TINYINT(1)', 'false', '0', '0'],
  ['BOOL', 'true', '1', '1'],
  ['TINYINT UNSIGNED', '255', '255', '255'],
  ['SMALLINT', '-32768', '-32768', '-32768'],
  ['SMALLINT UNSIGNED', '65535', '65535', '65535'],
  ['MEDIUMINT', '-8388608', '-8388608', '-8388608'],
  ['MEDIUMINT UNSIGNED', '16777215', '16777215', '16777215'],
  ['INT', '-2147483648', '-2147483648', '-2147483648'],
  ['INT UNSIGNED', '4294967295', '4294967295', '4294967295'],
  ['INT UNSIGNED ZEROFILL', '7', '0000000007', '7'],
  ['BIGINT', '9007199254740993', '9007199254740993', '9007199254740993'],
  ['BIGINT', '-9223372036854775808', '-9223372036854775808', '-9223372036854775808'],
  ['BIGINT UNSIGNED', '-1', '18446744073709551615', '18446744073709551615'],
  ['BIGINT UNSIGNED', '-9223372036854775808', '9223372036854775808', '9223372036854775808'],
  ['BIGINT UNSIGNED', '9223372036854775807', '9223372036854775807', '9223372036854775807'],
  ['BIGINT UNSIGNED', '0', '0', '0'],
  ['DECIMAL(20,4)', '"-0.0100"', '-0.0100', '-0.0100'],
  [
    'DECIMAL(38,0)',
    '"99999999999999999999999999999999999999"',
    '99999999999999999999999999999999999999',
    '99999999999999999999999999999999999999',
  ],
  ['DECIMAL', '"1234567890"', '1234567890', '1234567890'],
  ['NUMERIC UNSIGNED(6,5)', '"0.00001"', '0.00001', '0.00001'],
  [
    'DECIMAL(65,30)',
    '"12345678901234567890123456789012345.100000000000000000000000000000"',
    '12345678901234567890123456789012345.100000000000000000000000000000',
    '12345678901234567890123456789012345.100000000000000000000000000000',
  ],
  ['FLOAT', '1.1', '1.100000023841858', '1.1'],
  ['FLOAT', '3.4028235E38', '3.4028234663852886e38', '3.4028235e+38'],
  ['FLOAT(7,4)', '999.9', '999.9000244140625', '999.9'],
  ['FLOAT(53)', '0.1', '0.1', '0.1'],
  ['DOUBLE', '1.0E10', '10000000000', '10000000000.0'],
  ['DOUBLE', '-4.9E-324', '-5e-324', '-5e-324'],
  ['DOUBLE', '1.7976931348623157E308', '1.7976931348623157e308', '1.7976931348623157e+308'],
  ['BIT(1)', 'true', '1', 'true'],
  ['BIT', 'false', '0', 'false'],
  ['BIT(12)', '"AQg="', '2049', '2049'],
  ['BIT(63)', '"/////////38="', '9223372036854775807', '9223372036854775807'],
  ['BIT(64)', '"//////////8="', '18446744073709551615', '18446744073709551615'],
  ['YEAR', '2155', '2155', '2155'],
  ['YEAR', '1900', '0000', '0'],
  ['CHAR(3)', '""', '', ''],
  ['VARCHAR(20)', '"Zoë \\uD83D\\uDE00\\u001f"', 'Zoë 😀\x1f', 'Zoë 😀\x1f'],
  ['TEXT', '"it\'s"', "it's", "it's"],
  ['VARCHAR BINARY(10)', '"a"', 'a', 'a'],
  ['ENUM', '"placed"', 'placed', 'placed'],
  ['SET', '"a,b"', 'a,b', '[a, b]'],
  ['SET', '""', '', '[]'],
  ['BINARY(4)', '"AAEC/w=="', '000102FF', '000102FF'],
  ['BLOB', '""', '', ''],
  ['VARBINARY(8)', '"AA=="', '00', '00'],
  ['DATE', '-719162', '0001-01-01', '0001-01-01'],
  ['DATE', '2932896', '9999-12-31', '9999-12-31'],
  ['DATE', '-1', '1969-12-31', '1969-12-31'],
  ['DATE', 'null', '0000-00-00', null],
  ['DATE', 'null', '2024-02-00', null],
  ['TIME', '-3020399000000', '-838:59:59', '-3020399000000'],
  ['TIME(6)', '90000123456', '25:00:00.123456', '90000123456'],
  ['TIME(6)', '-1', '-00:00:00.000001', '-1'],
  ['DATETIME(6)', '253402300799999999', '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59.999999+00'],
  ['DATETIME(3)', '1529501823123000', '2018-06-20 13:37:03.123', '2018-06-20 13:37:03.123+00'],
  ['DATETIME', '-62135596800000000', '0001-01-01 00:00:00', '0001-01-01 00:00:00+00'],
  ['TIMESTAMP(6)', '"2018-06-20T13:37:03.123456Z"', '2018-06-20 13:37:03.123456', '2018-06-20 13:37:03.123456+00'],
  ['TIMESTAMP', '"2018-06-20T13:37:03Z"', '2018-06-20 13:37:03', '2018-06-20 13:37:03+00'],
  ['TIMESTAMP(3)', 'null', '0000-00-00 00:00:00.000', null],
  ['TIMESTAMP(3)', '"1970-01-01T00:00:00.000Z"', '0000-00-00 00:00:00.000', null],
  ['JSON', '"{\\"a\\": 1, \\"b\\": [true, null]}"', '{"a":1,"b":[true,null]}', '{"a":1,"b":[true,null]}'],
  ['JSON', '"null"', 'null', 'null'],
  [
    'POINT',
    '{"x":1.0,"y":2.0,"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA","srid":4326}',
    'E61000000101000000000000000000F03F0000000000000040',
    "{'wkb': \\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\xF0?\\x00\\x00\\x00\\x00\\x00\\x00\\x00@, 'srid': 4326}",
  ],
  [
    'GEOMETRYCOLLECTION',
    '{"wkb":"AQcAAAAAAAAA","srid":null}',
    '00000000010700000000000000',
    "{'wkb': \\x01\\x07\\x00\\x00\\x00\\x00\\x00\\x00\\x00, 'srid': NULL}",
  ],
  [
    'VECTOR(5)',
    '[1.0,-2.5,0.0,1.4E-45,3.4028235E38]',
    '0000803F000020C00000000001000000FFFF7F7F',
    '[1.0, -2.5, 0.0, 1e-45, 3.4028235e+38]',
  ],
]

describe('columnType', () => {
  it.each(cases)('%s: JSON %s and MySQL %s are %s', async (declared, json, mysql, expected) => {
    expect(await both(declared, json, mysql)).toEqual([expected, expected])
  })

  it.each([...new Set(cases.map(([declared]) => declared))])('%s: NULL stays NULL', async declared => {
    expect(await both(declared, 'null', null)).toEqual([null, null])
  })

  it('reads the label of an ENUM that holds a comma as the snapshot and as the binlog print it', async () => {
    const labels = { enumValues: ['a', 'c,d'] }
    expect(await both('ENUM', '"c\\\\,d"', 'c,d', labels)).toEqual(['c,d', 'c,d'])
    expect(await both('ENUM', '"c,d"', 'c,d', labels)).toEqual(['c,d', 'c,d'])
    expect(await both('ENUM', '"c\\\\,d"', 'c\\,d', { enumValues: ['c,d', 'c\\\\,d'] })).toEqual(['c\\,d', 'c\\,d'])
  })

  it('reads labels with backslashes as the snapshot and as the binlog print them', async () => {
    const labels = { enumValues: ['a', 'b\\\\c'] }
    expect(await both('ENUM', '"b\\\\\\\\c"', 'b\\c', labels)).toEqual(['b\\c', 'b\\c'])
    expect(await both('ENUM', '"b\\\\c"', 'b\\c', labels)).toEqual(['b\\c', 'b\\c'])
    expect(await both('SET', '"a,b\\\\\\\\c"', 'a,b\\c', labels)).toEqual(['[a, b\\c]', '[a, b\\c]'])
  })

  it('compares FLOATs by the six digits that a snapshot has of them', async () => {
    const { comparable } = columnType(column('FLOAT'))
    const print = async (value: Sql) => (await duck.row<{ v: string }>(sql`SELECT ${comparable!(value)} AS v`))!.v
    for (const [snapshot, binlog] of [
      [sql`1.23457::FLOAT`, sql`1.2345679::FLOAT`],
      [sql`3.40282e38::FLOAT`, sql`3.4028235e38::FLOAT`],
    ] as const) {
      expect(await print(snapshot)).toBe(await print(binlog))
    }
    expect(await print(sql`1.23457::FLOAT`)).not.toBe(await print(sql`1.23458::FLOAT`))
  })

  it('makes a zero date 1970-01-01 where NULL is not allowed, as Debezium does', async () => {
    const required = { optional: false }
    expect(await both('DATE', '0', '0000-00-00', required)).toEqual(['1970-01-01', '1970-01-01'])
    expect(await both('DATETIME', '0', '0000-00-00 00:00:00', required)).toEqual(Array(2).fill('1970-01-01 00:00:00+00'))
    expect(await both('TIMESTAMP', '"1970-01-01T00:00:00Z"', '0000-00-00 00:00:00', required)).toEqual(
      Array(2).fill('1970-01-01 00:00:00+00'),
    )
  })

  it.each([
    ['TINYINT', '128'],
    ['INT UNSIGNED', '"many"'],
    ['DECIMAL(5,2)', '"1000.00"'],
    ['TIMESTAMP', '"yesterday"'],
    ['JSON', '"{\\"a\\":1.5"'],
    ['JSON', '"{\\"a\\":"'],
  ])('%s: %s fails instead of becoming another value', async (declared, json) => {
    await expect(both(declared, json, null)).rejects.toThrow()
  })

  it('accepts the type names of every dialect in any case', () => {
    const names = [
      'int',
      'INTEGER',
      'int(10) unsigned',
      'DOUBLE PRECISION',
      'NATIONAL VARCHAR',
      'MEDIUMINT UNSIGNED ZEROFILL',
      'tinyblob',
      'BINARY',
    ]
    expect(names.map(typeName => columnType({ ...column('INT'), typeName }).delta)).toEqual([
      'integer',
      'integer',
      'long',
      'double',
      'string',
      'integer',
      'binary',
      'binary',
    ])
  })

  it('refuses REAL, which Debezium rounds', () => {
    expect(() => columnType(column('REAL'))).toThrow(ColumnTypeUnknown)
  })

  it('names table and column of a type it does not know', () => {
    const unknown = column('HYPERCUBE', { name: 'cube' })
    expect(() => columnType(unknown, { database: 'shop', table: 'orders' })).toThrow(ColumnTypeUnknown)
    expect(() => columnType(unknown, { database: 'shop', table: 'orders' })).toThrow('shop.orders.cube')
  })

  it('quotes odd column names in the text for MySQL', () => {
    expect(columnType(column('BLOB', { name: 'a`b' })).selectMysql).toBe('HEX(`a``b`)')
  })
})
