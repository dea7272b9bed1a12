import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Duck } from '../../../lake/duckdb.ts'
import { checkParquetSchema, type ParquetColumn } from '../../../lake/parquet-schema.ts'
import { type DeltaType, duckType, field } from '../../../lake/schema.ts'
import { sql, trusted } from '../../../lake/sql.ts'

let duck: Duck
let dir: string
beforeAll(async () => {
  duck = await Duck.open()
  dir = await mkdtemp(join(tmpdir(), 'binlake-parquet-'))
})
afterAll(async () => {
  await duck.close()
  await rm(dir, { recursive: true, force: true })
})

async function check(expression: string, type: DeltaType): Promise<void> {
  const file = join(dir, 'x.parquet')
  await duck.run(sql`COPY (SELECT ${trusted(expression)} AS c) TO ${file} (FORMAT parquet)`)
  const rows = await duck.rows(sql`SELECT * FROM parquet_schema(${file})`)
  checkParquetSchema(rows as unknown as ParquetColumn[], [field('c', type)], 'silver/t')
}

const nested: DeltaType = {
  type: 'struct',
  fields: [
    field('l', { type: 'array', elementType: { type: 'struct', fields: [field('x', 'timestamp')] }, containsNull: true }),
    field('m', { type: 'map', keyType: 'string', valueType: 'decimal(5,2)', valueContainsNull: true }),
  ],
}
const types: DeltaType[] = [
  'byte',
  'short',
  'integer',
  'long',
  'float',
  'double',
  'boolean',
  'string',
  'binary',
  'date',
  'timestamp',
]
const decimals: DeltaType[] = [
  'decimal(1,0)',
  'decimal(4,4)',
  'decimal(10,0)',
  'decimal(9,2)',
  'decimal(18,18)',
  'decimal(20,0)',
  'decimal(38,10)',
]

test.each([...types, ...decimals, nested])('what our cast writes passes: %j', async type => {
  await expect(check(`NULL::${duckType(type)}`, type)).resolves.toBeUndefined()
})

const list = (elementType: DeltaType): DeltaType => ({ type: 'array', elementType, containsNull: true })
const struct = (...fields: [string, DeltaType][]): DeltaType => ({
  type: 'struct',
  fields: fields.map(([name, type]) => field(name, type)),
})
const map = (keyType: DeltaType, valueType: DeltaType): DeltaType => ({
  type: 'map',
  keyType,
  valueType,
  valueContainsNull: true,
})

const wrongTypes: [string, DeltaType][] = [
  // lake-spec §9.2: the thirteen that DuckDB reads without a word and stricter engines do not.
  ['uuid()', 'string'],
  [`TIME '10:00:00'`, 'string'],
  [`TIME '10:00:00'`, 'long'],
  ["TIMESTAMP_NS '2026-01-01'", 'timestamp'],
  ["TIMESTAMP_MS '2026-01-01'", 'timestamp'],
  ["TIMESTAMP '2026-01-01'", 'timestamp'],
  ['1::HUGEINT', 'decimal(38,0)'],
  ['1::UBIGINT', 'long'],
  ['1.5::DECIMAL(10,1)', 'decimal(10,2)'],
  ['1.5::DOUBLE', 'decimal(10,2)'],
  [`'x'::BLOB`, 'string'],
  [`INTERVAL '1 day'`, 'string'],
  [`DATE '2026-01-01'`, 'timestamp'],
  // And their neighbours.
  ['1::HUGEINT', 'long'],
  ['1::UINTEGER', 'integer'],
  ['1::USMALLINT', 'integer'],
  ['1::INTEGER', 'long'],
  ['1::BIGINT', 'integer'],
  ['1::SMALLINT', 'byte'],
  ['1.5::DECIMAL(11,2)', 'decimal(10,2)'],
  ['1::BIGINT', 'decimal(18,0)'],
  ['1.5::FLOAT', 'double'],
  ['1.5::DOUBLE', 'float'],
  ['true', 'byte'],
  ['1::TINYINT', 'boolean'],
  ["'a'::ENUM ('a')", 'binary'],
  [`'x'::VARCHAR`, 'binary'],
  [`'{}'::JSON`, 'binary'],
  [`DATE '2026-01-01'`, 'integer'],
  ['1::INTEGER', 'date'],
  ["TIMESTAMPTZ '2026-01-01'", 'long'],
  ['[uuid()]', list('string')],
  [`[TIME '10:00:00']`, list('long')],
  ['[[1::INTEGER]]', list(list('long'))],
  ['[1]', map('integer', 'integer')],
  ['1', list('integer')],
  ['{x: 1}', list('integer')],
  ['{x: 1::INTEGER}', struct(['x', 'long'])],
  ['{x: 1, y: 2}', struct(['x', 'integer'])],
  ['{y: 1}', struct(['x', 'integer'])],
  ['{x: 1, y: 2}', struct(['y', 'integer'], ['x', 'integer'])],
  [`MAP {'a': uuid()}`, map('string', 'string')],
  ['MAP {uuid(): 1}', map('string', 'integer')],
  ["{x: [{y: TIMESTAMP '2026-01-01'}]}", struct(['x', list(struct(['y', 'timestamp']))])],
]
test.each(wrongTypes)('%s under %j is refused, naming the column', async (expression, type) => {
  await expect(check(expression, type)).rejects.toMatchObject({
    code: 'LAKE_SCHEMA_MISMATCH',
    message: expect.stringMatching(/^silver\/t: column c/),
  })
})

test('field ids are refused, in columns and below them', async () => {
  const file = join(dir, 'ids.parquet')
  const fields = [field('c', struct(['x', 'integer']))]
  for (const ids of ['{c: 1}', '{c: {__duckdb_field_id: 1, x: 2}}']) {
    await duck.run(sql`COPY (SELECT {x: 1} AS c) TO ${file} (FORMAT parquet, FIELD_IDS ${trusted(ids)})`)
    const rows = (await duck.rows(sql`SELECT * FROM parquet_schema(${file})`)) as unknown as ParquetColumn[]
    expect(() => checkParquetSchema(rows, fields, 'silver/t')).toThrow(/column c.* has a field id/)
  }
})

test('a column too many or under another name is refused', async () => {
  const file = join(dir, 'y.parquet')
  await duck.run(sql`COPY (SELECT 1::BIGINT AS a, 2::BIGINT AS b) TO ${file} (FORMAT parquet)`)
  const rows = (await duck.rows(sql`SELECT * FROM parquet_schema(${file})`)) as unknown as ParquetColumn[]
  for (const names of [['a'], ['b', 'a'], ['a', 'b', 'c'], ['a', 'c']]) {
    const fields = names.map(name => field(name, 'long'))
    expect(() => checkParquetSchema(rows, fields, 'silver/t')).toThrow(expect.objectContaining({ code: 'LAKE_SCHEMA_MISMATCH' }))
  }
})
