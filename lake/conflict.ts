// What a lost race means: may our commit go on after the winner's, or not (lake-spec §3.9).
// Guarantee: pure; one verdict per cell of the specification's table.
import type { Add, Commit } from './actions.ts'
import { LakeError } from './lake-error.ts'

/** append: only new rows. merge: rewrites files by key. compaction: rewrites files, same rows. overwrite: replaces everything. */
export type CommitMode = 'append' | 'merge' | 'compaction' | 'overwrite'

export interface Ours {
  mode: CommitMode
  /** appIds of the txn actions this commit writes. */
  appIds: ReadonlySet<string>
  /** Logged paths this commit removes. */
  removes: ReadonlySet<string>
  /** Whether a new file may hold keys that this merge writes; absent: any may. */
  overlaps?: (add: Add) => boolean
}

/** `rebase`: try again behind the winner. `replan`: load the table and compute anew. `abort`: do not try again by yourself. */
export type Verdict = { outcome: 'rebase' } | { outcome: 'replan' | 'abort' | 'fenced'; reason: string }

/** Another writer was first, and what it wrote bears on ours. Retryable: load the table again and plan anew. */
export class ConflictError extends LakeError {
  /** Logged paths this commit meant to remove and the winners had removed: a compactor may go on with its other files. */
  readonly paths: readonly string[]

  constructor(message: string, retryable: boolean, paths: readonly string[] = []) {
    super('LAKE_CONFLICT', message, { retryable })
    this.name = 'ConflictError'
    this.paths = paths
  }
}

const rebase: Verdict = { outcome: 'rebase' }

/** Judges one commit that landed where ours wanted to. An append's schema is checked by the caller, once the new snapshot is known. */
export function judge(ours: Ours, winner: Commit): Verdict {
  const { mode, appIds, overlaps = () => true } = ours
  // Before the protocol: a table made by two workers at once has one winner, and its first commit holds the protocol.
  if (winner.txns.some(txn => appIds.has(txn.appId))) {
    return { outcome: mode === 'append' ? 'fenced' : 'abort', reason: 'it moved the progress this commit moves' }
  }
  if (winner.protocol && winner.version > 0) return { outcome: 'abort', reason: 'it changed the protocol' }
  if (mode === 'overwrite') return { outcome: 'abort', reason: 'it changed the table while all of it was being replaced' }
  if (winner.metaData && mode !== 'append') return { outcome: 'replan', reason: 'it changed the schema or the properties' }
  if (removedByBoth(ours, [winner]).length > 0)
    return { outcome: 'replan', reason: 'it replaced a file that this commit replaces' }
  if (mode === 'merge' && winner.adds.some(add => add.dataChange && overlaps(add)))
    return { outcome: 'replan', reason: 'it added rows that may hold the same keys' }
  return rebase
}

/** Of the paths we remove, those that the winners removed. */
export function removedByBoth({ removes }: Pick<Ours, 'removes'>, winners: readonly Commit[]): string[] {
  return winners.flatMap(winner => winner.removes.map(({ path }) => path).filter(path => removes.has(path)))
}
