// What a snapshot's log alone tells about a table; no data file is read.
import type { Add } from './actions.ts'
import type { Snapshot } from './snapshot.ts'

export interface TableFacts {
  rows: number
  files: number
  bytes: number
  version: number
  /** Of the newest commit; ISO 8601, UTC. */
  committed: string
}

/** Counts of a table at one version. A file without statistics counts no rows. */
export function factsOf(snapshot: Snapshot): TableFacts {
  const { rows, files, bytes } = sizeOf(snapshot.files.values())
  return { rows, files, bytes, version: snapshot.version, committed: new Date(snapshot.timestamp).toISOString() }
}

/** Counts of some files. One without statistics counts no rows. */
export function sizeOf(files: Iterable<Add>): Pick<TableFacts, 'rows' | 'files' | 'bytes'> {
  let [rows, count, bytes] = [0, 0, 0]
  for (const file of files) {
    rows += rowsIn(file) ?? 0
    bytes += file.size
    count++
  }
  return { rows, files: count, bytes }
}

/** A file's rows; undefined if its writer did not say. */
export function rowsIn({ stats }: Pick<Add, 'stats'>): number | undefined {
  return stats ? (JSON.parse(stats) as { numRecords?: number }).numRecords : undefined
}
