// Which version a table stood at, at a moment (lake-spec §3.11).
// Guarantee: the same moment gives the same version for as long as it is in the log, also where writers' clocks differ a little.
import { each } from './each.ts'
import { LakeError } from './lake-error.ts'
import { commitTime } from './log.ts'
import { listLog, reachable } from './log-list.ts'
import type { Table } from './table.ts'

/** Commits looked at before the boundary found, for a clock that ran ahead; as many are read at once. */
const skew = 32

/**
 * The newest version committed at or before `instant`; undefined if there is no table. A commit's time is the one it tells, else when its
 * file was written, and never before that of the version before it. A moment after the newest commit gives the newest version.
 * Throws LAKE_VERSION_GONE if nothing as old is left, naming the oldest version and its time; LAKE_CORRUPT_LOG; the store's errors.
 */
export async function versionAt(table: Table, instant: Date): Promise<number | undefined> {
  const log = await listLog(table)
  const versions = reachable(log)
  if (versions.length === 0) return undefined
  const wanted = instant.getTime()
  const known = new Map<number, number>()
  const time = async (i: number) => {
    const version = versions[i]!
    const at = known.get(version) ?? (await commitTime(table, log, version))
    known.set(version, at)
    return at
  }
  let [low, high] = [0, versions.length]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if ((await time(middle)) <= wanted) low = middle + 1
    else high = middle
  }
  // Where clocks differ there are several boundaries; the first one counts, as if no commit were older than its predecessor.
  const before = Array.from({ length: Math.min(skew, low) }, (_, i) => low - Math.min(skew, low) + i)
  const times = await each(before, skew, time)
  const first = times.findIndex(at => at > wanted)
  const end = first === -1 ? low : before[first]!
  if (end > 0) return versions[end - 1]!
  const oldest = `version ${versions[0]}, of ${new Date(await time(0)).toISOString()}`
  const reason = versions[0] === 0 ? `the table begins with ${oldest}` : `the oldest still there is ${oldest}`
  throw new LakeError('LAKE_VERSION_GONE', `${table.path}: there is no version as old as ${instant.toISOString()}; ${reason}`)
}
