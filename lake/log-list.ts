// What a table's log holds by the names of its objects; no commit is opened (lake-spec §3.1, §3.7).
// Guarantee: a checkpoint is named only if all its parts are there.
import { commitPath, type LogFile, logFile, versionDigits } from './path.ts'
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

/**
 * What the log holds after `version`, and that version's own commit: one request where fewer than a hundred commits follow, which ask for
 * names by their first digits. Every store can do that; Azure's own way to start a list at a name is unknown to Azurite.
 */
export async function listFrom(table: Table, version: number): Promise<LogListing> {
  const found: LogListing[] = []
  // The first block may begin after `version`.
  const own = (version + 1) % 100 === 0 ? table.store.head(commitPath(table, version)) : undefined
  for (let [next, digits] = [version + 1, 2]; ; digits = 3) {
    const size = 10 ** digits
    const end = next - (next % size) + size - 1
    const block = await listLog(table, versionDigits(end).slice(0, -digits))
    found.push(block)
    if (!block.commits.has(end)) break
    next = end + 1
  }
  const written = (await own)?.modified.getTime()
  return {
    commits: new Map([
      ...(written === undefined ? [] : [[version, written] as const]),
      ...found.flatMap(({ commits }) => [...commits]),
    ]),
    checkpoints: found.flatMap(({ checkpoints }) => checkpoints),
    unread: found.flatMap(({ unread }) => unread),
  }
}

/**
 * The versions that can be opened, ascending: from the first commit if it is there, else from the oldest checkpoint. Before a hole, as a
 * clean-up that was cut short leaves it, none counts.
 */
export function reachable({ commits, checkpoints }: LogListing): number[] {
  const all = [...commits.keys()]
  const whole = all.slice(
    Math.max(
      0,
      all.findLastIndex((version, i) => version !== (all[i - 1] ?? -1) + 1),
    ),
  )
  const first = whole[0]
  const start = first === 0 ? 0 : checkpoints.find(({ version }) => version >= (first ?? 0) - 1)?.version
  if (start === undefined) return []
  const versions = whole.filter(version => version >= start)
  // Other engines may delete a checkpoint's own commit.
  return versions[0] === start ? versions : [start, ...versions]
}

/** Counts a part; true for the last one missing. */
function complete(parts: Map<string, number>, { version, parts: of }: LogFile & { kind: 'checkpoint-part' }): boolean {
  const key = `${version}/${of}`
  const count = (parts.get(key) ?? 0) + 1
  parts.set(key, count)
  return count === of
}
