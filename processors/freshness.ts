// How much older silver's newest change is than bronze's, by the times of bronze's commits.
// Guarantee: reads two commits at most; a time that the log tells no longer is left out.
import { readCommit } from '../lake/log.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import type { Table } from '../lake/table.ts'

export interface Freshness {
  /** When bronze got the newest change that silver has; ISO 8601, UTC. */
  newest?: string
  /** Milliseconds that the oldest change which silver lacks has been in bronze; 0: it lacks none. */
  late?: number
}

/** `taken`: the bronze version that silver reflects. `behind`: commits with changes after it. */
export async function freshness(
  bronze: Table,
  snapshot: Snapshot,
  { taken, behind, now }: { taken: number; behind: number; now: Date },
): Promise<Freshness> {
  const timeOf = async (version: number) =>
    version === snapshot.version ? snapshot.timestamp : (await readCommit(bronze, version))?.commitInfo?.timestamp
  const newest = taken < 0 ? undefined : await timeOf(taken)
  const oldestLacking = behind === 0 ? undefined : await timeOf(taken + 1)
  return {
    ...(newest === undefined ? {} : { newest: new Date(newest).toISOString() }),
    ...(behind === 0 ? { late: 0 } : oldestLacking === undefined ? {} : { late: Math.max(0, now.getTime() - oldestLacking) }),
  }
}
