// Writes rows to a Parquet data file and gives the add action that a commit needs; nothing is visible before that commit (lake-spec §3.4, §3.5, §9).
// Guarantee: every column is cast to its Delta type, and the file's physical schema is compared with it before the upload.
import { randomUUID } from 'node:crypto'
import { rm, stat } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import type { Add } from './actions.ts'
import { explainWriteError } from './duck-error.ts'
import type { Duck } from './duckdb.ts'
import { failPoint } from './fail-point.ts'
import { checkParquetSchema, type ParquetColumn, parquetColumns } from './parquet-schema.ts'
import { newDataPath } from './path.ts'
import { duckType, type Field } from './schema.ts'
import { id, join, type Sql, sql, trusted } from './sql.ts'
import { type ColumnReport, statsText } from './stats.ts'
import type { Table } from './table.ts'

export interface WriteOptions {
  /** A query with the columns of `fields` by name; it runs once. */
  select: Sql
  fields: readonly Field[]
  /** The file's partition values as text; these columns are not stored in the file. Null and '' both mean null. */
  partition?: Record<string, string | null>
  /** Columns whose min, max and null count go to the log, readable by everyone who can list the table: never personal data. */
  stats?: readonly string[]
  compression?: 'zstd' | 'snappy' | 'uncompressed'
  /** Sort order inside the file: `sql\`id\``. */
  sortBy?: Sql
  /** Rows in a row group, default 122,880. DuckDB works in parallel by row group: fewer let all cores work on wide text. */
  rowGroupSize?: number
  /** Anything worth finding again without reading the file; part of the log. */
  tags?: Record<string, string>
}

/** The add action of a new file, already in the store; undefined if the query gave no rows. Throws LAKE_BAD_VALUE, LAKE_SCHEMA_MISMATCH and the store's errors. */
export async function writeFile(duck: Duck, table: Table, options: WriteOptions): Promise<Add | undefined> {
  const partition = Object.fromEntries(
    Object.entries(options.partition ?? {}).map(([name, value]) => [name, value === '' ? null : value]),
  )
  const stored = options.fields.filter(field => !(field.name in partition))
  const file = joinPath(table.store.scratch, `write-${randomUUID()}.parquet`)
  try {
    const report = await copy(duck, { file, table: table.path }, { ...options, fields: stored })
    if (report.count === 0) return undefined
    const schema = await duck.rows<Record<keyof ParquetColumn, never>>(sql`
      SELECT ${parquetColumns} FROM parquet_schema(${file})`)
    checkParquetSchema(schema, stored, table.path)
    const wanted = stored.filter(field => options.stats?.includes(field.name))
    const stats = statsText(
      report.count,
      wanted.map(field => ({ field, report: report.columns.get(id(field.name).text) ?? {} })),
    )
    const { size } = await stat(file)
    const { object, logged } = newDataPath(table, partition)
    await table.store.putFile(object, file)
    failPoint('write:uploaded')
    return {
      path: logged,
      partitionValues: partition,
      size,
      modificationTime: Date.now(),
      dataChange: true,
      stats,
      ...(options.tags ? { tags: options.tags } : {}),
    }
  } finally {
    await rm(file, { force: true })
  }
}

interface CopyReport {
  count: number
  /** By quoted column name, as the Parquet writer counts. */
  columns: Map<string, ColumnReport>
}

async function copy(duck: Duck, { file, table }: { file: string; table: string }, options: WriteOptions): Promise<CopyReport> {
  const columns = options.fields.map(({ name, type }) => sql`CAST(${id(name)} AS ${trusted(duckType(type))}) AS ${id(name)}`)
  const select = sql`SELECT ${join(columns)} FROM (${options.select})${options.sortBy ? sql` ORDER BY ${options.sortBy}` : sql``}`
  const settings = [
    sql`FORMAT parquet`,
    sql`COMPRESSION ${trusted(options.compression ?? 'zstd')}`,
    ...(options.compression === undefined || options.compression === 'zstd' ? [sql`COMPRESSION_LEVEL 1`] : []),
    ...(options.rowGroupSize ? [sql`ROW_GROUP_SIZE ${options.rowGroupSize}`] : []),
    // Without this mark Spark takes dates before 1582 for hybrid-calendar ones and refuses them.
    sql`KV_METADATA {'org.apache.spark.version': '3.5.0'}`,
    sql`RETURN_STATS`,
  ]
  const statement = sql`COPY (${select}) TO ${file} (${join(settings)})`
  const [row] = await duck.json(statement).catch((error: unknown) => {
    throw explainWriteError(error, { table, file, columns: options.fields.map(({ name }) => name) })
  })
  const { count, column_statistics } = row as unknown as Report
  const reports = column_statistics.map(
    ({ key, value }) => [key, Object.fromEntries(value.map(entry => [entry.key, entry.value]))] as const,
  )
  return { count: Number(count), columns: new Map(reports) }
}

interface Report {
  count: string
  column_statistics: { key: string; value: { key: string; value: string }[] }[]
}
