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
import type { MaskKey } from '../privacy/keys.ts'
import type { MaskPlan } from '../privacy/mask.ts'
import { bindKey, tokenSql } from '../privacy/token.ts'
import { columnType } from './column-types.ts'
import type { SourceTable } from './source-schema.ts'

/** Checksums are compared for this many ranges of keys before any row is. */
const ranges = 256

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
  /** Makes tokens of keys; any key of the policy will do. */
  token: MaskKey
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
    await bindKey(duck, options.token)
    await duck.run(sql`CREATE OR REPLACE TEMP TABLE verify_source AS ${hashed(sourceRows(file, longest, options), options)}`)
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
  const rows = silver ? sql`SELECT ${join(columns)} FROM ${silver}` : sql`SELECT ${names(mask)} FROM verify_source WHERE false`
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE verify_silver AS ${hashed(rows, options)}`)
  return compare(duck, table, { mask, token: options.token, examples: options.examples ?? 10 })
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

/** Adds the range a row's key falls into, and a hash of the whole row; values that MySQL prints in part are brought to what can be compared. */
function hashed(rows: Sql, { mask, schema }: Pick<VerifyOptions, 'mask' | 'schema'>): Sql {
  const key = join(mask.primaryKey.map(name => id(name)))
  const comparable = mask.columns.map(({ name, source, delta }) => {
    const column = schema.columns.find(each => each.name === source)
    const type = column && columnType(column, schema)
    return type?.comparable && type.delta === delta ? sql`${type.comparable(id(name))} AS ${id(name)}` : id(name)
  })
  return sql`SELECT *, (hash(${key}) % ${ranges})::INTEGER AS "range of key", hash(${names(mask)}) AS "hash of row" FROM (SELECT ${join(comparable)} FROM (${rows}))`
}

async function compare(
  duck: Duck,
  table: string,
  { mask, token, examples }: { mask: MaskPlan; token: MaskKey; examples: number },
): Promise<TableVerdict> {
  const sums = (from: string) =>
    sql`SELECT "range of key" AS r, count(*) AS n, sum("hash of row"::HUGEINT % 9223372036854775783)::VARCHAR AS checksum FROM ${id(from)} GROUP BY ALL`
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE verify_ranges AS
    SELECT r FROM (${sums('verify_source')}) AS a FULL JOIN (${sums('verify_silver')}) AS b USING (r) WHERE (a.n, a.checksum) IS DISTINCT FROM (b.n, b.checksum)`)
  const key = join(mask.primaryKey.map(name => id(name)))
  const keyText = sql`concat_ws(chr(31), ${join(mask.primaryKey.map(name => sql`${id(name)}::VARCHAR`))})`
  const side = (from: string) => sql`(SELECT * FROM ${id(from)} WHERE "range of key" IN (SELECT r FROM verify_ranges))`
  const differing = mask.columns.map(({ name }) => sql`CASE WHEN a.${id(name)} IS DISTINCT FROM b.${id(name)} THEN ${name} END`)
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE verify_differences AS
    SELECT ${tokenSql(keyText, token, 'exact')} AS "key token",
      CASE WHEN b."hash of row" IS NULL THEN 'missing in silver' WHEN a."hash of row" IS NULL THEN 'only in silver' ELSE 'different' END AS difference,
      list_filter([${join(differing)}], lambda name: name IS NOT NULL) AS differing
    FROM ${side('verify_source')} AS a FULL JOIN ${side('verify_silver')} AS b USING (${key})
    WHERE a."hash of row" IS DISTINCT FROM b."hash of row"`)
  const counts = await duck.row<Record<'source' | 'silver' | 'ranges', bigint>>(sql`
    SELECT (SELECT count(*) FROM verify_source) AS source, (SELECT count(*) FROM verify_silver) AS silver, (SELECT count(*) FROM verify_ranges) AS ranges`)
  const kinds = await duck.rows<{ difference: Difference; n: bigint }>(
    sql`SELECT difference, count(*) AS n FROM verify_differences GROUP BY ALL`,
  )
  const named = await duck.rows<{ key: string; difference: Difference; columns: string[] }>(sql`
    SELECT "key token" AS key, difference, differing AS columns FROM verify_differences ORDER BY "key token" LIMIT ${examples}`)
  const differences: TableVerdict['differences'] = { 'missing in silver': 0, 'only in silver': 0, different: 0 }
  for (const { difference, n } of kinds) differences[difference] = Number(n)
  return {
    table,
    equal: counts!.ranges === 0n,
    rows: { source: Number(counts!.source), silver: Number(counts!.silver) },
    ranges: { all: ranges, differing: Number(counts!.ranges) },
    differences,
    examples: named.map(example => ({ ...example, columns: example.difference === 'different' ? example.columns : [] })),
  }
}

function names(mask: MaskPlan): Sql {
  return join(mask.columns.map(({ name }) => id(name)))
}
