// Rules by which a sink may decide whether a record replaces what it holds of the record's key.
import { decide, identity } from '../../../processors/order/decide.ts'
import { numbersFrom } from '../random.ts'
import type { Delivered } from './history.ts'

/** Whether `next` applies; `current` is what was applied last to its key. Made anew for each history. */
export type Rule = (next: Delivered, current: Delivered | undefined) => boolean

export interface NamedRule {
  name: string
  make: () => Rule
  /** False: a deleted key is forgotten, as if it had never been there. */
  keepsDeleted: boolean
}

const newestBy = (time: (record: Delivered) => bigint): (() => Rule) => {
  return () => (next, current) => current === undefined || time(next) >= time(current)
}

export const rules: readonly NamedRule[] = [
  { name: 'newest source.ts_us', make: newestBy(({ sourceTs }) => sourceTs), keepsDeleted: true },
  {
    name: 'newest source.ts, whole seconds (no GTID)',
    make: newestBy(({ sourceTs }) => sourceTs / 1_000_000n),
    keepsDeleted: true,
  },
  { name: 'newest envelope ts_us', make: newestBy(({ envelopeTs }) => envelopeTs), keepsDeleted: true },
  { name: 'last in Kafka', make: () => () => true, keepsDeleted: true },
  { name: 'first of each identity, 30 % forgotten', make: forgetfulIdentity, keepsDeleted: true },
  { name: 'decide, all identities known', make: withIdentities, keepsDeleted: true },
  { name: 'decide, position of the current row and of deleted keys (silver)', make: withPosition, keepsDeleted: true },
  { name: 'decide, deleted keys forgotten', make: withPosition, keepsDeleted: false },
]

/** Removes replays by identity alone, with a memory that has holes. */
function forgetfulIdentity(): Rule {
  const seen = new Set<string>()
  const random = numbersFrom(1)
  return next => {
    const own = `${next.key}|${identity(next)}`
    if (seen.has(own)) return false
    if (random() >= 0.3) seen.add(own)
    return true
  }
}

function withIdentities(): Rule {
  const seen = new Map<number, Set<string>>()
  return (next, current) => {
    const ofKey = seen.get(next.key) ?? new Set()
    const verdict = decide(next, current, ofKey)
    seen.set(next.key, ofKey.add(identity(next)))
    return applies(verdict)
  }
}

/** All that silver and its markers hold: one position a key. */
function withPosition(): Rule {
  const none: ReadonlySet<string> = new Set()
  return (next, current) => applies(decide(next, current, none))
}

function applies(verdict: ReturnType<typeof decide>): boolean {
  if (verdict === 'HALT') throw new Error('a table would stop: no history here should make it')
  return verdict === 'APPLY'
}
