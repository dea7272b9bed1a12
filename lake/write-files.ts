// Writes rows to several data files, each a range of the key of its own (lake-spec §4).
// Guarantee: the ranges do not overlap; no more than one file's rows are sorted at a time.
import { randomUUID } from 'node:crypto'
import { rm, stat } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import type { Add } from './actions.ts'
import type { Duck } from './duckdb.ts'
import { type FileSize, filesFor } from './file-size.ts'
import type { Field } from './schema.ts'
import { id, join, type Sql, sql, trusted } from './sql.ts'
import type { Table } from './table.ts'
import { type WriteOptions, writeFile } from './write.ts'

export interface WriteFilesOptions extends WriteOptions {
  /** How many files of about equal row counts. `select` runs once for one, else once for each and once more. */
  files: number
  /** The columns whose values part the files; never NULL. */
  cutBy: readonly string[]
}

/** Keys looked at to find the cuts, for each file: with as many, files differ by some percent. */
const sample = 2_000

/** The add actions of new files, in the order of their ranges; none if there are no rows. Throws as `writeFile`. */
export async function writeFiles(duck: Duck, table: Table, { files, cutBy, ...write }: WriteFilesOptions): Promise<Add[]> {
  const adds: Add[] = []
  if (files > 1) {
    const shares = Array.from({ length: files - 1 }, (_, i) => (i + 1) / files)
    await duck.run(sql`SET VARIABLE file_cuts = (SELECT quantile_disc(_cut, ${shares})
      FROM (SELECT ${cutOf(cutBy)} AS _cut FROM (${write.select})) USING SAMPLE reservoir(${Math.max(sample * files, 10_000)} ROWS))`)
  }
  for (let at = 0; at < files; at++) {
    const select = files === 1 ? write.select : sql`SELECT * FROM (${write.select}) WHERE ${within(cutBy, at, files)}`
    const add = await writeFile(duck, table, { ...write, select })
    if (add) adds.push(add)
  }
  return adds
}

/** The first column is compared too: a file's rows of other ranges are then not even read. */
function within(cutBy: readonly string[], at: number, files: number): Sql {
  const cut = (n: number) => sql`getvariable('file_cuts')[${n}]`
  const first = id(cutBy[0]!)
  const compare = (operator: '>=' | '<', n: number) => {
    if (cutBy.length === 1) return sql`${first} ${trusted(operator)} ${cut(n)}`
    return sql`${first} ${trusted(operator === '<' ? '<=' : operator)} ${cut(n)}.first AND ${keyOf(cutBy)} ${trusted(operator)} ${cut(n)}.key`
  }
  return join([...(at > 0 ? [compare('>=', at)] : []), ...(at < files - 1 ? [compare('<', at + 1)] : [])], ' AND ')
}

function cutOf(cutBy: readonly string[]): Sql {
  return cutBy.length === 1 ? id(cutBy[0]!) : sql`{key: ${keyOf(cutBy)}, first: ${id(cutBy[0]!)}}`
}

/** One value that orders as the columns do, one after the other. */
export function keyOf(columns: readonly Sql[] | readonly string[]): Sql {
  const all = columns.map(column => (typeof column === 'string' ? id(column) : column))
  return all.length === 1 ? all[0]! : sql`create_sort_key(${join(all.map(column => sql`${column}, 'ASC NULLS LAST'`))})`
}

/** Rows written to see how large one is. */
const tried = 100_000

/** How many files rows should be written to, for a table that has none to tell how large a row is: some of them are tried. */
export async function filesForRows(
  duck: Duck,
  table: Table,
  rows: { select: Sql; fields: readonly Field[]; size: (live: number) => FileSize },
): Promise<number> {
  const { select, fields, size } = rows
  const count = Number((await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM (${select})`))!.n)
  if (count <= 50_000) return 1
  const file = joinPath(table.store.scratch, `sample-${randomUUID()}.parquet`)
  try {
    const columns = join(fields.map(({ name }) => id(name)))
    await duck.run(
      sql`COPY (SELECT ${columns} FROM (${select}) LIMIT ${tried}) TO ${file} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)`,
    )
    const bytes = ((await stat(file)).size / Math.min(count, tried)) * count
    return filesFor(bytes, size(bytes))
  } finally {
    await rm(file, { force: true })
  }
}
