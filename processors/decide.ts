// Which event of one key is newer: Kafka's order decides, identity removes replays, source position may only veto (cdc-spec §2.4).
// Guarantee: pure, one event at a time; the set-based path in collapse.ts must come to the same result.
import { compareSource, type SourcePosition } from './source-position.ts'

export interface KeyEvent extends SourcePosition {
  partition: number
  offset: bigint
  /** Database time of the event, microseconds since 1970. */
  sourceTs: bigint
  snapshot: string | null
}

export type Verdict = 'APPLY' | 'DUP' | 'STALE' | 'HALT'

/** A lower position with a time this much newer is no replay: the server's numbering has started again. */
const numberingResetMicros = 60_000_000n

/** `current` is the event last applied to the key, if any; `seen` the identities of all its earlier events. */
export function decide(event: KeyEvent, current: KeyEvent | undefined, seen: ReadonlySet<string>): Verdict {
  if (seen.has(identity(event))) return 'DUP'
  if (!current) return 'APPLY'
  const compared = compareSource(event, current)
  if (event.partition === current.partition) {
    if (event.offset <= current.offset) return 'DUP'
    if (compared !== -1) return 'APPLY'
    const newerTime = event.sourceTs > current.sourceTs + numberingResetMicros
    return event.snapshot !== 'incremental' && newerTime ? 'HALT' : 'STALE'
  }
  if (compared === undefined || compared === 0) return 'HALT'
  return compared > 0 ? 'APPLY' : 'STALE'
}

/** Two events of one key with the same identity are the same event sent twice (cdc-spec §3). */
export function identity(event: KeyEvent): string {
  if (event.op === 'r') return ['r', event.file, event.pos, event.sourceTs].join('|')
  // Survives a failover, which changes file and position; without both, the place in the binlog must do.
  if (event.gtid !== null && event.txOrder !== null) return [event.op, event.gtid, event.txOrder].join('|')
  return [event.op, event.gtid, event.file, event.pos, event.row].join('|')
}
