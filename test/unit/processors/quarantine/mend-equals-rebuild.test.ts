// Whatever was broken and whenever it was mended, silver comes to what it would be if every record had been good from the start.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { mend } from '../../../../processors/quarantine/mend.ts'
import { multiplied } from '../../multiplied.ts'
import { type Event, envelope, LakeOfEvents } from '../lake-of-events.ts'
import { sourceLog } from '../source-log.ts'

const history = fc.record({
  log: sourceLog({ minLength: 3, maxLength: 10 }),
  /** Where the connector goes back, and how far: events come again. */
  again: fc.array(fc.nat({ max: 4 }), { minLength: 2, maxLength: 4 }),
  broken: fc.array(fc.boolean(), { minLength: 4, maxLength: 12 }),
  cuts: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
  /** After which batches something is mended. */
  mends: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
})

it('a mend comes to what would be if the record had been good', { timeout: multiplied(300_000) }, async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ log: events, again, broken, cuts, mends }) => {
      const records = events.flatMap((event, i) => {
        const back = again[i % again.length]!
        return back > 2 ? [event, ...events.slice(Math.max(0, i - back + 2), i + 1)] : [event]
      })
      await using good = await opened()
      await using bad = await opened()
      const waiting: number[] = []
      for (let at = 0, i = 0; at < records.length; i++) {
        const batch = records.slice(at, at + cuts[i % cuts.length]!)
        await good.lake.ingest(...batch)
        const spoilt = batch.map((event, j) => {
          if (event.op === 't' || !broken[(at + j) % broken.length]) return event
          waiting.push(at + j)
          return { key: JSON.stringify({ id: event.id }), value: 'broken' }
        })
        await bad.lake.ingest(...spoilt)
        await bad.lake.refine()
        at += batch.length
        const next = mends[i % mends.length] ? waiting.shift() : undefined
        if (next !== undefined) await mended(bad.lake, next, records[next]!)
      }
      for (const offset of waiting.reverse()) await mended(bad.lake, offset, records[offset]!)
      await good.lake.refine()
      expect(await content(bad.lake)).toEqual(await content(good.lake))
      expect(['identical', 'new', undefined]).toContain((await bad.lake.replay({ proveOnly: true }))?.verdict)
    }),
    { numRuns: multiplied(5) },
  )
})

async function opened() {
  const lake = await LakeOfEvents.open()
  return { lake, [Symbol.asyncDispose]: () => lake.close() }
}

async function mended(lake: LakeOfEvents, offset: number, event: Event): Promise<void> {
  const value = Buffer.from(envelope(event))
  const done = await mend(lake.duck, lake.way(), { at: { partition: 0, offset: BigInt(offset) }, value })
  expect(done).toMatchObject({ mended: 1 })
  while (await lake.refine());
}

async function content(lake: LakeOfEvents) {
  return {
    current: await lake.rows('silver/shop/t', 'id', 'v', '_offset', '_valid_from', '_pos'),
    history: await lake.rows('silver/shop/t_history', 'id', 'v', '_op', '_seq', '_valid_from'),
    deleted: await lake.rows('silver/shop/t_deleted', 'id', '_op', '_offset'),
  }
}
