// What a snapshot's log alone tells about a table; no data file is read.
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
  let [rows, bytes] = [0, 0]
  for (const { stats, size } of snapshot.files.values()) {
    rows += stats ? ((JSON.parse(stats) as { numRecords?: number }).numRecords ?? 0) : 0
    bytes += size
  }
  return {
    rows,
    files: snapshot.files.size,
    bytes,
    version: snapshot.version,
    committed: new Date(snapshot.timestamp).toISOString(),
  }
}
