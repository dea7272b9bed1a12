// Which event of one key is newer: Kafka's order decides, identity removes replays, source position may only veto (cdc-spec §2.4, §3).
// Guarantee: pure, one event at a time; the set-based paths in collapse.ts and identity.ts must come to the same result.
import { compareSource, type SourcePosition } from './source-position.ts'

/** Where Kafka has an event. Offsets are comparable within one partition of one epoch (epochs.ts). */
export interface KafkaPlace {
  epoch: number
  partition: number
  offset: bigint
}

export interface KeyEvent extends SourcePosition, KafkaPlace {
  /** Database time of the event, microseconds since 1970. */
  sourceTs: bigint
  snapshot: string | null
  /** What the row was and became, in any form that can be compared; looked at only where events of a transaction share their place. */
  content?: string | null
}

/** DUP: sent before. STALE: older than what the key has. HALT: nothing known decides; a person must. */
export type Verdict = 'APPLY' | 'DUP' | 'STALE' | 'HALT'

/** A lower position with a time this much newer is no replay: the server's numbering has started again. */
export const numberingResetMicros = 60_000_000n

/** How far the times of one event sent twice may lie apart, microseconds. */
export const sameEventMicros = 2_000_000n

/** `current` is the event last applied to the key, if any; `seenEarlier`: bronze holds the same event at an earlier place. */
export function decide(event: KeyEvent, current: KeyEvent | undefined, seenEarlier: boolean): Verdict {
  if (seenEarlier) return 'DUP'
  if (!current) return 'APPLY'
  if (event.epoch !== current.epoch) return event.epoch > current.epoch ? 'APPLY' : 'STALE'
  // Within a partition rows of one place come in Kafka's order; a compressed transaction counts them anew for each of its events.
  const compared = compareSource(event, current, { rows: event.partition !== current.partition })
  if (event.partition === current.partition) {
    if (event.offset <= current.offset) return 'DUP'
    if (compared !== -1) return 'APPLY'
    const newerTime = event.sourceTs > current.sourceTs + numberingResetMicros
    return event.snapshot !== 'incremental' && newerTime ? 'HALT' : 'STALE'
  }
  if (compared === undefined || compared === 0) return 'HALT'
  return compared > 0 ? 'APPLY' : 'STALE'
}

/**
 * Which of the key's `earlier` events `event` is, sent again, if any. Debezium gives the events of a prepared transaction no order in it (`XA START` is no
 * `BEGIN`), and those of a compressed one a single place: where such are not all alike, each is an event of its own, and Kafka's order decides.
 */
export function sentBefore(event: KeyEvent, earlier: readonly KeyEvent[]): KeyEvent | undefined {
  const same = earlier.filter(each => sameEvent(each, event))
  const unsure = (each: KeyEvent) => event.op !== 'r' && event.op !== 't' && !transactionPlace(each) && !transactionPlace(event)
  return same.every(each => !unsure(each) || each.content === event.content) ? same[0] : undefined
}

/**
 * Whether two events of one key and epoch are the same event sent twice: same operation, times together, and the same place in a transaction
 * or, where either has none that can be trusted, in the binlog. `false` with the ids equal and the times apart: numbers are used again.
 */
export function sameEvent(a: KeyEvent, b: KeyEvent): boolean {
  return sameIds(a, b) && distance(a.sourceTs, b.sourceTs) <= sameEventMicros
}

/** The ids alone, without the times. */
export function sameIds(a: KeyEvent, b: KeyEvent): boolean {
  if (a.op !== b.op || a.epoch !== b.epoch) return false
  const place = a.file !== null && a.file === b.file && a.pos === b.pos
  if (a.op === 'r') return place && a.sourceTs === b.sourceTs
  if (a.op === 't') return place && a.gtid === b.gtid
  const [idA, idB] = [transactionPlace(a), transactionPlace(b)]
  if (idA !== undefined && idB !== undefined) return idA === idB
  return place && (a.row ?? 0) === (b.row ?? 0)
}

/** Survives a failover, which changes file and position, and compression, under which events share them. */
function transactionPlace({ gtid, txOrder }: KeyEvent): string | undefined {
  return gtid === null || txOrder === null ? undefined : `${gtid}|${txOrder}`
}

function distance(a: bigint, b: bigint): bigint {
  return a < b ? b - a : a - b
}
