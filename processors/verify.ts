// Verify: MySQL's rows, typed and masked as silver's are, compared with silver: counts, checksums over ranges of keys, differing keys.
// Guarantee: «equal» means every row and every column; a key is named by a token, never by its value.
import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { SourceRows } from '../connectors/source-rows.ts'
import type { Duck } from '../lake/duckdb.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { tablePath } from '../lake/layout.ts'
import { scan } from '../lake/scan.ts'
import { duckType } from '../lake/schema.ts'
import { id, join, type Sql, sql, trusted } from '../lake/sql.ts'
import type { Keys } from '../privacy/keys.ts'
import type { MaskPlan } from '../privacy/mask.ts'
import { columnType } from './column-types.ts'
import { compareRows, type RowComparison, ranges } from './replay/compare-rows.ts'
import { tokenKey } from './replay/key-token.ts'
import type { SourceTable } from './source-schema.ts'

export type Difference = 'missing in silver' | 'only in silver' | 'different'

export interface TableVerdict {
  table: string
  equal: boolean
  rows: { source: number; silver: number }
  ranges: { all: number; differing: number }
  /** Rows that differ, by kind. */
  differences: Record<Difference, number>
  /** Some of their keys, as tokens: no value is printed. */
  examples: { key: string; difference: Difference; columns: string[] }[]
  /** Why the table was not compared. */
  skipped?: string
}

export interface VerifyOptions {
  duck: Duck
  lake: Lakehouse
  source: SourceRows
  schema: SourceTable
  mask: MaskPlan
  /** Where the source's rows are spooled. */
  scratch: string
  /** How many differing keys to name. */
  examples?: number
  /** The policy's keys, of which one makes the tokens of differing rows. */
  keys: Keys
  signal?: AbortSignal
}

/** Compares one table. Nothing is waited for: the caller decides what a difference means while writers run. */
export async function verifyTable(asked: VerifyOptions): Promise<TableVerdict> {
  const options = { ...asked, ...presentOnly(asked) }
  const { duck, lake, schema, mask } = options
  const table = `${schema.database}.${schema.table}`
  const nothing = {
    rows: { source: 0, silver: 0 },
    ranges: { all: ranges, differing: 0 },
    differences: { 'missing in silver': 0, 'only in silver': 0, different: 0 },
    examples: [],
  }
  if (mask.omitted !== undefined) return { table, equal: false, ...nothing, skipped: mask.omitted }
  if (schema.primaryKey.length === 0) return { table, equal: false, ...nothing, skipped: 'the table has no primary key' }
  const file = joinPath(options.scratch, `verify-${randomUUID()}.ndjson`)
  try {
    const longest = await spoolSource(file, options)
    if (longest === undefined) return { table, equal: false, ...nothing, skipped: 'the source has no such table now' }
    await mask.bind(duck)
    await duck.run(sql`CREATE OR REPLACE TEMP TABLE verify_source AS ${comparable(sourceRows(file, longest, options), options)}`)
  } finally {
    await rm(file, { force: true })
  }
  const path = tablePath('silver', schema)
  const snapshot = await lake.current(path)
  const present = new Set(snapshot?.fields.map(({ name }) => name))
  const silver = snapshot ? await scan(lake.table(path), snapshot) : undefined
  // A column that silver has not yet is compared as NULL.
  const columns = mask.columns.map(({ name, delta }) =>
    present.has(name) ? id(name) : sql`CAST(NULL AS ${trusted(duckType(delta))}) AS ${id(name)}`,
  )
  const rows = silver ? sql`SELECT ${join(columns)} FROM ${silver}` : sql`FROM verify_source WHERE false`
  const bronze = await lake.current(tablePath('bronze', schema))
  const comparison = await compareRows(duck, {
    left: sql`verify_source`,
    right: sql`(${silver ? comparable(rows, options) : rows})`,
    identity: mask.primaryKey,
    key: mask.primaryKey,
    columns: mask.columns.map(({ name }) => name),
    token: tokenKey(options.keys, bronze?.metaData.id ?? ''),
    examples: options.examples ?? 10,
  })
  await duck.run(sql`DROP TABLE verify_source`)
  return verdictOf(table, comparison)
}

/** Columns that the source has dropped live on in silver, but cannot be compared. */
function presentOnly({ schema, mask }: VerifyOptions): Pick<VerifyOptions, 'schema' | 'mask'> {
  const dropped = new Set(schema.columns.filter(column => column.dropped).map(({ name }) => name))
  return {
    schema: { ...schema, columns: schema.columns.filter(column => !column.dropped) },
    mask: { ...mask, columns: mask.columns.filter(({ source }) => !dropped.has(source)) },
  }
}

/** Writes the source's rows as JSON lines. Gives the bytes of the longest; undefined if the source has no such table. */
async function spoolSource(file: string, { source, schema, mask, signal }: VerifyOptions): Promise<number | undefined> {
  const columns = readColumns(schema, mask)
  const rows = await source.rows(
    schema,
    columns.map(column => ({ name: column.name, select: columnType(column, schema).selectMysql })),
  )
  if (!rows) return undefined
  let longest = 0
  const lines = async function* () {
    for await (const row of rows) {
      const line = `${JSON.stringify(Object.fromEntries(row.map((text, i) => [`c${i}`, text])))}\n`
      longest = Math.max(longest, Buffer.byteLength(line))
      yield line
    }
  }
  await pipeline(
    Readable.from(lines(), { objectMode: true }),
    createWriteStream(file, { mode: 0o600 }),
    ...(signal ? [{ signal }] : []),
  )
  return longest
}

/** The spooled texts, typed and masked. */
function sourceRows(file: string, longest: number, { schema, mask }: VerifyOptions): Sql {
  const columns = readColumns(schema, mask)
  const shape = join(columns.map((_, i) => sql`${`c${i}`}: 'VARCHAR'`))
  const typed = columns.map((column, i) => {
    const type = columnType(column, schema)
    return sql`CAST(${type.fromMysql(id(`c${i}`))} AS ${trusted(duckType(type.delta))}) AS ${id(column.name)}`
  })
  // DuckDB's buffers hold two objects of the greatest size allowed, for each thread.
  const size = Math.max(longest, 1 << 20)
  const lines = sql`read_json(${file}, format = 'newline_delimited', columns = {${shape}}, maximum_object_size = ${size})`
  return sql`SELECT ${join(mask.columns.map(({ expr, name }) => sql`${expr} AS ${id(name)}`))} FROM (SELECT ${join(typed)} FROM ${lines})`
}

function readColumns(schema: SourceTable, mask: MaskPlan) {
  return schema.columns.filter(({ name }) => schema.primaryKey.includes(name) || mask.reads.includes(name))
}

/** Values that MySQL prints in part are brought to what can be compared. */
function comparable(rows: Sql, { mask, schema }: Pick<VerifyOptions, 'mask' | 'schema'>): Sql {
  const columns = mask.columns.map(({ name, source, delta }) => {
    const column = schema.columns.find(each => each.name === source)
    const type = column && columnType(column, schema)
    return type?.comparable && type.delta === delta ? sql`${type.comparable(id(name))} AS ${id(name)}` : id(name)
  })
  return sql`SELECT ${join(columns)} FROM (${rows})`
}

const kinds = { 'only left': 'missing in silver', 'only right': 'only in silver', different: 'different' } as const

function verdictOf(table: string, { equal, rows, differingRanges, differences, examples }: RowComparison): TableVerdict {
  return {
    table,
    equal,
    rows: { source: rows.left, silver: rows.right },
    ranges: { all: ranges, differing: differingRanges },
    differences: {
      'missing in silver': differences['only left'],
      'only in silver': differences['only right'],
      different: differences.different,
    },
    examples: examples.map(example => ({ ...example, difference: kinds[example.difference] })),
  }
}
