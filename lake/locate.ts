// Finds the rows of given keys, each with the file that holds it: what a copy-on-write merge must rewrite (lake-spec §4).
// Guarantee: no row of the keys is missed; only the columns asked for are read, and files whose key range lies elsewhere not at all.
import type { Add } from './actions.ts'
import type { Duck } from './duckdb.ts'
import { fileRanges, high, low } from './file-ranges.ts'
import { scan } from './scan.ts'
import type { Snapshot } from './snapshot.ts'
import { id, join, type Sql, sql } from './sql.ts'
import type { Table } from './table.ts'

export interface LocateOptions {
  /** A query with at least the key columns; it runs twice. Keys are never NULL. */
  keys: Sql
  keyColumns: readonly string[]
  /** Further columns wanted of the rows. */
  columns?: readonly string[]
}

/** A parenthesised query: the live rows of the keys, with `_path`, their file as the log names it. Undefined: no file can hold any. */
export async function locate(duck: Duck, table: Table, snapshot: Snapshot, options: LocateOptions): Promise<Sql | undefined> {
  const files = await candidates(duck, table, snapshot, options)
  if (files.length === 0) return undefined
  const key = join(options.keyColumns.map(name => id(name)))
  const rows = await scan(table, snapshot, {
    files,
    columns: [...options.keyColumns, ...(options.columns ?? [])],
    fileColumn: '_path',
  })
  return sql`(SELECT * FROM ${rows} SEMI JOIN (SELECT ${key} FROM (${options.keys})) USING (${key}))`
}

/** The files whose range holds a key in every key column, so far as the ranges tell. */
async function candidates(duck: Duck, table: Table, snapshot: Snapshot, { keys, keyColumns }: LocateOptions): Promise<Add[]> {
  // With one file a look at its range costs as much as it saves.
  if (snapshot.files.size <= 1) return [...snapshot.files.values()]
  await fileRanges(duck, table, snapshot, keyColumns)
  const outside = await duck.rows<{ path: string }>(
    keyColumns.length === 1 ? outsideOfOne(keys, keyColumns[0]!) : outsideOfBox(keys, keyColumns),
  )
  const skipped = new Set(outside.map(({ path }) => path))
  return [...snapshot.files.values()].filter(({ path }) => !skipped.has(path))
}

/** The smallest key from a file's lower bound on lies beyond its upper one. */
function outsideOfOne(keys: Sql, column: string): Sql {
  return sql`SELECT path FROM file_ranges ASOF LEFT JOIN (SELECT ${id(column)} AS _key FROM (${keys})) AS wanted ON _key >= low0
    WHERE low0 IS NOT NULL AND high0 IS NOT NULL AND (_key IS NULL OR _key > high0)`
}

function outsideOfBox(keys: Sql, columns: readonly string[]): Sql {
  const wanted = join(columns.map((name, i) => sql`${id(name)} AS ${id(`_key${i}`)}`))
  const inside = join(
    columns.map((_, i) => sql`${id(`_key${i}`)} BETWEEN ${low(i)} AND ${high(i)}`),
    ' AND ',
  )
  const known = join(
    columns.map((_, i) => sql`${low(i)} IS NOT NULL AND ${high(i)} IS NOT NULL`),
    ' AND ',
  )
  return sql`SELECT path FROM file_ranges WHERE ${known}
    AND path NOT IN (SELECT path FROM file_ranges JOIN (SELECT DISTINCT ${wanted} FROM (${keys})) ON ${inside})`
}
