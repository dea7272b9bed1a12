// The key range of each live file: from the log where it may stand there, otherwise from the file's own footer (lake-spec §3.5, §4).
// Guarantee: a range holds every key of its file; values stay inside DuckDB, and a bound that cannot be told is NULL.
import type { Add } from './actions.ts'
import type { Duck } from './duckdb.ts'
import { boundsIn, exactBounds } from './exact-bounds.ts'
import { fetchFiles, globEscape } from './scan.ts'
import { duckType, type Field } from './schema.ts'
import type { Snapshot } from './snapshot.ts'
import { id, join, type Sql, sql, trusted } from './sql.ts'
import type { Table } from './table.ts'

/** Makes temp table `file_ranges`: `path` (as logged) of every live file, and `low0, high0, low1, …`: bounds of each key column. */
export async function fileRanges(duck: Duck, table: Table, snapshot: Snapshot, keyColumns: readonly string[]): Promise<void> {
  const key = keyColumns.map(name => snapshot.fields.find(field => field.name === name)!)
  const logged: Add[] = []
  const silent: Add[] = []
  for (const file of snapshot.files.values()) (tellsAll(file, keyColumns) ? logged : silent).push(file)
  const parts = [
    logged.length > 0 ? fromLog(logged, key) : undefined,
    silent.length > 0 ? await fromFooters(table, snapshot, { files: silent, key }) : undefined,
    nothing(key),
  ].filter(part => part !== undefined)
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE file_ranges AS ${join(parts, ' UNION ALL ')}`)
}

function tellsAll({ stats }: Add, keyColumns: readonly string[]): boolean {
  if (!stats?.includes('"minValues"')) return false
  const { minValues = {}, maxValues = {} } = JSON.parse(stats) as { minValues?: object; maxValues?: object }
  return keyColumns.every(name => Object.hasOwn(minValues, name) && Object.hasOwn(maxValues, name))
}

function fromLog(files: readonly Add[], key: readonly Field[]): Sql {
  const bounds = key.map((column, i) => {
    const logged = boundsIn(sql`stats`, column)
    return sql`${logged.low} AS ${low(i)}, ${logged.high} AS ${high(i)}`
  })
  const values = files.map(({ path, stats }) => sql`(${path}, ${JSON.stringify(exactBounds(stats!))})`)
  return sql`SELECT path, ${join(bounds)} FROM (VALUES ${join(values)}) AS logged(path, stats)`
}

/** The footer is in the data file: who reads it may read the rows. */
async function fromFooters(
  table: Table,
  snapshot: Snapshot,
  { files, key }: { files: readonly Add[]; key: readonly Field[] },
): Promise<Sql> {
  const local = await fetchFiles(table, snapshot, files)
  const bound = (which: Sql, text: Sql, { name, type }: Field) =>
    sql`CASE WHEN bool_and(${text} IS NOT NULL) FILTER (WHERE path_in_schema = ${name})
      THEN ${which}(TRY_CAST(${text} AS ${trusted(duckType(type))})) FILTER (WHERE path_in_schema = ${name}) END`
  const bounds = key.map(
    (column, i) =>
      sql`${bound(sql`min`, sql`stats_min_value`, column)} AS ${low(i)}, ${bound(sql`max`, sql`stats_max_value`, column)} AS ${high(i)}`,
  )
  const places = files.map(({ path }, i) => sql`(${path}, ${local[i]!})`)
  return sql`SELECT path, COLUMNS(* EXCLUDE (path, file_name)) FROM (VALUES ${join(places)}) AS places(path, file_name)
    JOIN (SELECT file_name, ${join(bounds)} FROM parquet_metadata(${local.map(globEscape)}) GROUP BY file_name) USING (file_name)`
}

/** No row, the types. */
function nothing(key: readonly Field[]): Sql {
  const bounds = key.map(({ type }, i) => {
    const none = sql`CAST(NULL AS ${trusted(duckType(type))})`
    return sql`${none} AS ${low(i)}, ${none} AS ${high(i)}`
  })
  return sql`SELECT CAST(NULL AS VARCHAR) AS path, ${join(bounds)} WHERE false`
}

export const low = (i: number): Sql => id(`low${i}`)
export const high = (i: number): Sql => id(`high${i}`)
