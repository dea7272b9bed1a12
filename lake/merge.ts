// Which files a copy-on-write merge must rewrite: those that hold a key of the batch (lake-spec §4).
// Guarantee: no file that holds one is left out; only key columns are read, and files whose key range lies elsewhere not at all.
import type { Add } from './actions.ts'
import type { Duck } from './duckdb.ts'
import { scan } from './scan.ts'
import { duckType, type Field } from './schema.ts'
import type { Snapshot } from './snapshot.ts'
import { id, join, type Sql, sql, trusted } from './sql.ts'
import type { Table } from './table.ts'

export interface TouchedOptions {
  /** A query with at least the key columns. */
  keys: Sql
  keyColumns: readonly string[]
}

/** Logged paths of the live files that hold any of the keys. Keys are never NULL. */
export async function touchedFiles(duck: Duck, table: Table, snapshot: Snapshot, options: TouchedOptions): Promise<string[]> {
  const files = await filesInRange(duck, snapshot, options)
  if (files.length === 0) return []
  const columns = join(options.keyColumns.map(name => id(name)))
  const located = await scan(table, snapshot, { files, columns: options.keyColumns, fileColumn: '_path' })
  const rows = await duck.rows<{ path: string }>(sql`
    SELECT DISTINCT _path AS path FROM ${located} SEMI JOIN (SELECT ${columns} FROM (${options.keys})) USING (${columns})`)
  return rows.map(row => row.path)
}

/** Files whose statistics do not rule every key out; a file without them may hold any. */
async function filesInRange(duck: Duck, snapshot: Snapshot, { keys, keyColumns }: TouchedOptions): Promise<Add[]> {
  const files = [...snapshot.files.values()]
  const ranged = files
    .map((file, i) => ({ i, range: file.stats?.includes('"minValues"') ? file.stats : undefined }))
    .filter(({ range }) => range)
  const first = snapshot.fields.find(({ name }) => name === keyColumns[0])
  if (!first || ranged.length === 0) return files
  const outside = await duck.rows<{ i: number }>(sql`
    WITH files AS (SELECT i, ${bound('minValues', first)} AS low, ${bound('maxValues', first)} AS high
      FROM (VALUES ${join(ranged.map(({ i, range }) => sql`(${i}, ${range!})`))}) AS t(i, stats)),
    keys AS (SELECT DISTINCT ${id(first.name)} AS key FROM (${keys}))
    SELECT i FROM files WHERE low IS NOT NULL AND high IS NOT NULL AND i NOT IN (SELECT i FROM files JOIN keys ON key BETWEEN low AND high)`)
  const skipped = new Set(outside.map(({ i }) => i))
  return files.filter((_, i) => !skipped.has(i))
}

function bound(side: 'minValues' | 'maxValues', { name, type }: Field): Sql {
  return sql`TRY_CAST(json_extract_string(stats, ${[pointer(side, name)]})[1] AS ${trusted(duckType(type))})`
}

/** A JSON pointer: names may hold anything. */
function pointer(...parts: string[]): string {
  return parts.map(part => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}
