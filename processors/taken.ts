// How far a silver table has taken bronze, and the table as it was when it had taken less.
import type { Lakehouse } from '../lake/lakehouse.ts'
import { loadSnapshot } from '../lake/log.ts'
import type { Snapshot } from '../lake/snapshot.ts'

/** The bronze version that a silver table reflects; -1 for none. `bronzeId` is the bronze table's Delta id. */
export function takenBy(snapshot: Snapshot | undefined, bronzeId: string): number {
  return Number(snapshot?.txns.get(bronzeId) ?? -1)
}

/**
 * The newest version, from `snapshot` backwards, that has taken no more of bronze than `taken`: a crash leaves history and markers a step
 * ahead of silver. Undefined: there is none. Throws LAKE_VERSION_GONE if the log does not reach back so far.
 */
export async function asTaken(
  lake: Lakehouse,
  path: string,
  snapshot: Snapshot | undefined,
  { bronzeId, taken }: { bronzeId: string; taken: number },
): Promise<Snapshot | undefined> {
  let found = snapshot
  while (found && takenBy(found, bronzeId) > taken) {
    if (found.version === 0) return undefined
    found = await loadSnapshot(lake.table(path), { version: found.version - 1 })
  }
  return found
}
