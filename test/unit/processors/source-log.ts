// Logs of a source at random, for property tests: inserts, updates and deletes of three keys, now and then a truncate.
import fc from 'fast-check'
import type { Event } from './lake-of-events.ts'

/** Each event is one that a source could have at that place: no update of a row that is not there. Lengths are those before that. */
export function sourceLog(lengths: { minLength: number; maxLength: number }): fc.Arbitrary<Event[]> {
  const step = fc.record({ id: fc.integer({ min: 1, max: 3 }), op: fc.constantFrom('w', 'w', 'w', 'd', 't') })
  return fc.array(step, lengths).map(steps => {
    const live = new Set<number>()
    return steps.flatMap(({ id, op }, i): Event[] => {
      const pos = 100 + 10 * i
      if (op === 't') {
        live.clear()
        return [{ op, pos }]
      }
      if (op === 'd') return live.delete(id) ? [{ op, id, v: `v${i}`, pos }] : []
      const event = { op: live.has(id) ? 'u' : 'c', id, v: `v${i}`, pos }
      live.add(id)
      return [event]
    })
  })
}
