// A snapshot's rows as a relation for FROM (lake-spec §3.5, §3.10).
// Guarantee: columns are those of the schema, in its order and types, whatever the age of the files; no file is opened before the query runs.
import { StoreError } from '../connectors/store-error.ts'
import type { Add } from './actions.ts'
import { each } from './each.ts'
import { LakeError } from './lake-error.ts'
import { dataPath } from './path.ts'
import { duckType, type Field } from './schema.ts'
import type { Snapshot } from './snapshot.ts'
import { id, join, type Sql, sql, trusted } from './sql.ts'
import type { Table } from './table.ts'

/** Files fetched at once. */
const parallel = 8

export interface ScanOptions {
  /** Only these files; default: all live ones. */
  files?: Iterable<Add>
  /** Only these columns, in this order; default: all. */
  columns?: readonly string[]
  /** Adds a column of this name with each row's logged file path. */
  fileColumn?: string
}

/** Brings the data files to this machine and returns a parenthesised query. Throws the store's errors, STORE_MISSING if a file was vacuumed. */
export async function scan(table: Table, snapshot: Snapshot, options: ScanOptions = {}): Promise<Sql> {
  const files = [...(options.files ?? snapshot.files.values())]
  const fields = options.columns ? options.columns.map(name => columnOf(table, snapshot, name)) : snapshot.fields
  if (files.length === 0) return emptyRelation(fields, options.fileColumn)
  const local = await fetchFiles(table, snapshot, files)
  const located = files.map((add, i) => ({ add, file: local[i]! }))
  // Partitions whose columns nobody asked for are read as one: bronze has one for each day.
  const asked = snapshot.metaData.partitionColumns.filter(name => fields.some(field => field.name === name))
  const groups = Map.groupBy(located, ({ add }) => JSON.stringify(asked.map(name => add.partitionValues[name] ?? null)))
  const parts = [...groups.values()].map(group => readGroup(snapshot, fields, { group, fileColumn: options.fileColumn }))
  return sql`(${join(parts, ' UNION ALL ')})`
}

/** Local copies of data files, in their order. Throws the store's errors, STORE_MISSING if a file was vacuumed. */
export function fetchFiles(table: Table, snapshot: Snapshot, files: readonly Add[]): Promise<string[]> {
  return each(files, parallel, file => fetchFile(table, snapshot, file))
}

async function fetchFile(table: Table, { version, metaData }: Snapshot, file: Add): Promise<string> {
  try {
    return await table.store.fetch(dataPath(table, file.path), file.size)
  } catch (cause) {
    if (!(cause instanceof StoreError) || cause.code !== 'STORE_MISSING') throw cause
    const kept = metaData.configuration['delta.deletedFileRetentionDuration'] ?? 'interval 1 week'
    const reason = `${cause.message} It belongs to version ${version} of ${table.path}; files that a newer version replaced are vacuumed after the table's retention (${kept}): open a newer version`
    throw new StoreError('STORE_MISSING', reason, { cause })
  }
}

type Located = { add: Add; file: string }

/** Files of one partition: what is not in them comes from the log. Stored columns get plain names first, which cannot clash with DuckDB's own. */
function readGroup(
  snapshot: Snapshot,
  fields: readonly Field[],
  { group, fileColumn }: { group: Located[]; fileColumn: string | undefined },
): Sql {
  const partition = new Set(snapshot.metaData.partitionColumns)
  const stored = snapshot.fields.filter(field => !partition.has(field.name))
  const plain = new Map(stored.map(({ name }, i) => [name, `c${i}`]))
  const values = group[0]!.add.partitionValues
  const columns = fields.map(({ name, type }) => {
    const inFile = plain.get(name)
    return inFile
      ? sql`${id(inFile)} AS ${id(name)}`
      : sql`CAST(${values[name] || null} AS ${trusted(duckType(type))}) AS ${id(name)}`
  })
  if (fileColumn !== undefined)
    columns.push(sql`${group.map(({ add }) => add.path)}[file_index::BIGINT + 1] AS ${id(fileColumn)}`)
  // `schema` fills columns that a file does not have yet with NULL, without opening every file first as union_by_name does.
  const schema = stored.map(
    ({ name, type }) => sql`${name}: {name: ${plain.get(name)!}, type: ${duckType(type)}, default_value: NULL}`,
  )
  const paths = group.map(({ file }) => globEscape(file))
  return sql`SELECT ${join(columns)} FROM read_parquet(${paths}, schema = MAP {${join(schema)}}, hive_partitioning = false)`
}

function emptyRelation(fields: readonly Field[], fileColumn: string | undefined): Sql {
  const columns = fields.map(({ name, type }) => sql`CAST(NULL AS ${trusted(duckType(type))}) AS ${id(name)}`)
  if (fileColumn !== undefined) columns.push(sql`CAST(NULL AS VARCHAR) AS ${id(fileColumn)}`)
  return sql`(SELECT ${join(columns)} WHERE false)`
}

function columnOf(table: Table, snapshot: Snapshot, name: string): Field {
  const found = snapshot.fields.find(field => field.name === name)
  if (!found) throw new LakeError('LAKE_SCHEMA_MISMATCH', `${table.path}: version ${snapshot.version} has no column ${name}`)
  return found
}

/** DuckDB takes every path for a pattern. */
export function globEscape(path: string): string {
  return path.replace(/[*?[]/g, char => `[${char}]`)
}
