// However the changes were cut into merges, a rebuild in one step comes to the same silver, history and markers.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { multiplied } from '../../multiplied.ts'
import { type Event, LakeOfEvents } from '../lake-of-events.ts'
import { sourceLog } from '../source-log.ts'

/** Each run of the connector begins at or before where one ended, so that events come again. */
const runs = fc.array(fc.record({ back: fc.integer({ min: 0, max: 5 }), length: fc.integer({ min: 1, max: 6 }) }), {
  minLength: 1,
  maxLength: 6,
})

const history = fc.record({
  log: sourceLog({ minLength: 2, maxLength: 14 }),
  runs,
  cuts: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }),
})

it('a rebuild comes to what the merges came to', { timeout: multiplied(240_000) }, async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ log, runs, cuts }) => {
      const events: Event[] = []
      let produced = 0
      for (const { back, length } of runs) {
        const from = Math.max(0, produced - back)
        events.push(...log.slice(from, from + length))
        produced = Math.max(produced, Math.min(log.length, from + length))
      }
      const lake = await LakeOfEvents.open()
      try {
        for (let at = 0, i = 0; at < events.length; i++) {
          const size = cuts[i % cuts.length]!
          await lake.ingest(...events.slice(at, at + size))
          await lake.refine()
          at += size
        }
        const proven = await lake.replay({ proveOnly: true })
        expect(proven?.proof?.parts ?? []).toEqual((proven?.proof?.parts ?? []).map(part => ({ ...part, equal: true })))
      } finally {
        await lake.close()
      }
    }),
    { numRuns: multiplied(12) },
  )
})
