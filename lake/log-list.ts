// What a table's log holds by the names of its objects; no commit is opened (lake-spec §3.1, §3.7).
// Guarantee: a checkpoint is named only if all its parts are there.
import { type LogFile, logFile } from './path.ts'
import type { Table } from './table.ts'

/** A checkpoint that can be read: one file, or `parts` files of the older multi-part form. */
export interface CheckpointPlace {
  version: number
  parts?: number
}

export interface LogListing {
  /** When each commit file was written, milliseconds since 1970, by version, ascending. */
  commits: ReadonlyMap<number, number>
  /** Ascending by version; each with the time it was written. */
  checkpoints: readonly (CheckpointPlace & { modified: number })[]
  /** Versions of checkpoints in the V2 form, which binlake does not read. */
  unread: readonly number[]
}

/** Lists the log: all of it, or the objects whose name starts with `digits`, the first ones of the 20-digit version. */
export async function listLog(table: Table, digits = ''): Promise<LogListing> {
  const commits = new Map<number, number>()
  const checkpoints: (CheckpointPlace & { modified: number })[] = []
  const unread: number[] = []
  const parts = new Map<string, number>()
  for await (const { path, modified } of table.store.list(`${table.path}/_delta_log/${digits}`)) {
    const file = logFile(path)
    if (!file) continue
    const { version } = file
    if (file.kind === 'commit') commits.set(version, modified.getTime())
    else if (file.kind === 'checkpoint') checkpoints.push({ version, modified: modified.getTime() })
    else if (file.kind === 'v2-checkpoint') unread.push(version)
    else if (complete(parts, file)) checkpoints.push({ version, parts: file.parts, modified: modified.getTime() })
  }
  // The store lists in path order, which is that of versions.
  return { commits, checkpoints, unread }
}

/** Counts a part; true for the last one missing. */
function complete(parts: Map<string, number>, { version, parts: of }: LogFile & { kind: 'checkpoint-part' }): boolean {
  const key = `${version}/${of}`
  const count = (parts.get(key) ?? 0) + 1
  parts.set(key, count)
  return count === of
}
