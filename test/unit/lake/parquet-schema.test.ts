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
const decimals: DeltaType[] = ['decimal(1,0)', 'decimal(9,2)', 'decimal(18,18)', 'decimal(20,0)', 'decimal(38,10)']

test.each([...types, ...decimals, nested])('what our cast writes passes: %j', async type => {
  await expect(check(`NULL::${duckType(type)}`, type)).resolves.toBeUndefined()
})

/** lake-spec §9.2: what DuckDB reads without a word and stricter engines do not. */
test.each<[string, DeltaType]>([
  ['uuid()', 'string'],
  [`TIME '10:00:00'`, 'string'],
  ["TIMESTAMP_NS '2026-01-01'", 'timestamp'],
  ["TIMESTAMP_MS '2026-01-01'", 'timestamp'],
  ["TIMESTAMP '2026-01-01'", 'timestamp'],
  ['1::HUGEINT', 'decimal(38,0)'],
  ['1::HUGEINT', 'long'],
  ['1::UBIGINT', 'long'],
  ['1::UINTEGER', 'integer'],
  ['1::INTEGER', 'long'],
  ['1::BIGINT', 'integer'],
  ['1::SMALLINT', 'byte'],
  ['1.5::DECIMAL(10,1)', 'decimal(10,2)'],
  ['1.5::DECIMAL(11,2)', 'decimal(10,2)'],
  ['1.5::DOUBLE', 'decimal(10,2)'],
  ['1.5::FLOAT', 'double'],
  [`'x'::BLOB`, 'string'],
  [`'x'::VARCHAR`, 'binary'],
  [`'{}'::JSON`, 'binary'],
  ['[uuid()]', { type: 'array', elementType: 'string', containsNull: true }],
  ['{x: 1::INTEGER}', { type: 'struct', fields: [field('x', 'long')] }],
  ['{x: 1, y: 2}', { type: 'struct', fields: [field('x', 'integer')] }],
  ['{y: 1}', { type: 'struct', fields: [field('x', 'integer')] }],
  ['[1]', { type: 'map', keyType: 'integer', valueType: 'integer', valueContainsNull: true }],
])('%s under %j is refused, naming the column', async (expression, type) => {
  await expect(check(expression, type)).rejects.toMatchObject({
    code: 'LAKE_SCHEMA_MISMATCH',
    message: expect.stringMatching(/^silver\/t: column c/),
  })
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
