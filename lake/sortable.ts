// How many neighbouring files can be sorted together: DuckDB sorts in memory and spills what is beyond, but not without end.
// Guarantee: the parts of a group are neighbours in its order, each no larger than asked, unless it is a single file.
import type { Add } from './actions.ts'
import type { Duck } from './duckdb.ts'
import { fetchFiles, globEscape } from './scan.ts'
import type { Snapshot } from './snapshot.ts'
import { sql } from './sql.ts'
import type { Table } from './table.ts'

/** What a value takes while it is sorted, however few bits the file has for it. */
const leastBytes = 16

/** The group in parts of at most `most` bytes, as they are in memory: the files' footers tell. Parts of one file are left out. */
export async function sortableParts(
  duck: Duck,
  table: Table,
  { snapshot, group, most }: { snapshot: Snapshot; group: readonly Add[]; most: number },
): Promise<Add[][]> {
  const local = await fetchFiles(table, snapshot, group)
  const rows = await duck.rows<{ file: string; bytes: bigint }>(
    sql`SELECT file_name AS file, sum(greatest(total_uncompressed_size, num_values * ${leastBytes}))::BIGINT AS bytes
      FROM parquet_metadata(${local.map(globEscape)}) GROUP BY ALL`,
  )
  const sizes = new Map(rows.map(({ file, bytes }) => [file, Number(bytes)]))
  const parts: Add[][] = []
  let room = 0
  for (const [i, add] of group.entries()) {
    const size = sizes.get(local[i]!) ?? add.size
    const part = parts.at(-1)
    if (part && size <= room) part.push(add)
    else {
      parts.push([add])
      room = most
    }
    room -= size
  }
  return parts.filter(part => part.length > 1)
}
