// Why each event of one key counts or does not, in words; the rule is `decide`'s own (decide.ts), asked once more event by event.
// Guarantee: what silver took is what the line itself applied: this says why, and never otherwise.
import { decide, type KeyEvent, sentBefore } from '../order/decide.ts'
import { compareSource, parseGtid } from '../order/source-position.ts'

/** What became of an event. QUARANTINED: its values do not fit. REPLACED, GIVEN UP: a person decided so. SKIPPED: it has no part in the key's row. */
export type Outcome = 'APPLY' | 'DUP' | 'STALE' | 'HALT' | 'QUARANTINED' | 'REPLACED' | 'GIVEN UP' | 'SKIPPED' | 'NOT REACHED'

/** An event of the key as bronze has it, in the order in which the line looks at them. */
export interface Candidate extends Omit<KeyEvent, 'op'> {
  /** Null: a tombstone. */
  op: string | null
  /** The line applied it. */
  applied: boolean
  /** No event: a full snapshot did not meet the row. */
  swept?: boolean
  /** A snapshot read the row again and found it as it was. */
  unchanged?: boolean
  /** It did not get as far as a decision, and why. */
  aside?: 'QUARANTINED' | 'REPLACED' | 'GIVEN UP'
}

export interface Judged {
  outcome: Outcome
  why: string
  /** The rule, asked for this one event, says otherwise than the line did: a defect of one of them. Absent: they agree. */
  differs?: true
}

/** One judgement a candidate. `halted`: the line stopped at one of them. */
export function judge(candidates: readonly Candidate[], { halted }: { halted: boolean }): Judged[] {
  const seen: KeyEvent[] = []
  let current: KeyEvent | undefined
  let stopped = false
  return candidates.map(candidate => {
    const { op } = candidate
    if (stopped) return { outcome: 'NOT REACHED', why: 'the table stands still at an event before' }
    if (candidate.swept) {
      current = { ...candidate, op: op! }
      return { outcome: 'APPLY', why: 'a full snapshot did not meet the row: it ends' }
    }
    if (candidate.aside) return { outcome: candidate.aside, why: asideWords[candidate.aside] }
    if (op === null) {
      if (!candidate.applied) return { outcome: 'SKIPPED', why: 'a tombstone: what it stands for, the deletion before it says' }
      // It has no place in the source: whatever comes next cannot be compared with it.
      current = { ...candidate, op: 'd', file: null, pos: null, row: null, gtid: null, txOrder: null }
      return { outcome: 'APPLY', why: 'a tombstone whose deletion is not in the topic: the row ends' }
    }
    const event: KeyEvent = { ...candidate, op }
    const twin = sentBefore(event, seen)
    const verdict = decide(event, current, twin !== undefined)
    seen.push(event)
    if (halted && verdict === 'HALT') {
      stopped = true
      return { outcome: 'HALT', why: haltWords(event, current!) }
    }
    const before = current
    // Of what the line did up to where it stops nothing is left; up to there the rule alone says it.
    if (candidate.applied || (halted && verdict === 'APPLY')) {
      current = event
      const differs = verdict === 'APPLY' || op === 't' ? {} : { differs: true as const }
      const same = candidate.unchanged ? '; the row was read again and is as it was: no new version' : ''
      return { outcome: 'APPLY', why: `${appliedWords(event, before)}${same}`, ...differs }
    }
    if (op === 't') return { outcome: 'SKIPPED', why: 'a truncate; the key had no row then' }
    if (twin) return { outcome: 'DUP', why: twinWords(event, twin) }
    if (verdict === 'DUP') return { outcome: 'DUP', why: `${placeOf(current!)} came later and is applied already` }
    if (verdict === 'STALE') return { outcome: 'STALE', why: staleWords(event, current!) }
    return { outcome: 'SKIPPED', why: 'the line has not applied it', differs: true }
  })
}

const asideWords = {
  QUARANTINED: 'a value does not fit its column, so it waits in quarantine',
  REPLACED: 'a corrected value stands for it (binlake quarantine replay --value-file)',
  'GIVEN UP': 'it was given up (binlake quarantine drop)',
}

function appliedWords(event: KeyEvent, before: KeyEvent | undefined): string {
  if (event.op === 't') return 'a truncate: the row ends'
  if (!before) return 'the first event of the key'
  if (event.epoch !== before.epoch) return `a new epoch (${event.epoch}) begins: positions before it no longer count`
  const compared = compareSource(event, before)
  if (compared === undefined)
    return `nothing compares it with ${placeOf(before)} (${difference(event, before)}), so Kafka's order decides: it came later`
  if (compared === 0) return `at the same position as ${placeOf(before)}, but another event: Kafka's order decides`
  return compared > 0 ? `follows ${placeOf(before)}: ${measure(event, before)} is higher` : `came later than ${placeOf(before)}`
}

function staleWords(event: KeyEvent, current: KeyEvent): string {
  if (event.epoch < current.epoch) return `of epoch ${event.epoch}, and the key has an event of epoch ${current.epoch}`
  return `older than what the key has from ${placeOf(current)}: ${measure(event, current)} is lower`
}

function twinWords(event: KeyEvent, twin: KeyEvent): string {
  const same =
    event.gtid !== null && event.txOrder !== null && event.gtid === twin.gtid && event.txOrder === twin.txOrder
      ? `GTID ${event.gtid}, event ${event.txOrder} of its transaction`
      : `${event.file}:${event.pos}${event.op === 'r' ? '' : `, row ${event.row ?? 0}`}`
  return `the same event as ${placeOf(twin)}, sent twice: ${same}`
}

function haltWords(event: KeyEvent, current: KeyEvent): string {
  return event.partition === current.partition
    ? `${measure(event, current)} is lower than at ${placeOf(current)}, but its time is later: was the binlog reset? The table waits for a person`
    : `nothing tells whether it or ${placeOf(current)}, of another partition, is newer: the table waits for a person`
}

/** What was compared: the GTID's number, the place in the transaction, or the binlog's. */
function measure(a: KeyEvent, b: KeyEvent): string {
  const [gtidA, gtidB] = [a.gtid, b.gtid].map(gtid => (gtid === null ? undefined : parseGtid(gtid)))
  if (gtidA && gtidB && gtidA.origin === gtidB.origin && !a.unordered) {
    if (gtidA.sequence !== gtidB.sequence) return `its GTID's number ${gtidA.sequence} (there ${gtidB.sequence})`
    if (a.txOrder !== null && b.txOrder !== null) return `its place ${a.txOrder} in the transaction (there ${b.txOrder})`
  }
  const row = a.file === b.file && a.pos === b.pos && a.op !== 'r' && b.op !== 'r'
  return row
    ? `its row ${a.row ?? 0} in ${a.file}:${a.pos} (there ${b.row ?? 0})`
    : `its position ${a.file}:${a.pos} (there ${b.file}:${b.pos})`
}

function difference(a: KeyEvent, b: KeyEvent): string {
  if (a.gtid !== null && b.gtid !== null && !a.unordered) return 'GTIDs of two servers'
  if (b.file === null) return 'a tombstone has no position'
  if (a.lineage !== b.lineage) return 'another binlog than before'
  return 'no common GTID, and binlogs of two names'
}

function placeOf({ partition, offset }: KeyEvent): string {
  return `${partition}:${offset}`
}
