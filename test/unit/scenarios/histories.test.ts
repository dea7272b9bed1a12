// Random histories through the whole line: silver is what MySQL has, and however the changes were cut into steps, a rebuild is identical.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { multiplied } from '../multiplied.ts'
import { Forge, type Forged, t } from './forge.ts'
import { histories } from './source-history.ts'

const cuts = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 })

async function taken(records: readonly Forged[], sizes: readonly number[], s: Forge): Promise<void> {
  for (let at = 0, i = 0; at < records.length; i++) {
    const size = sizes[i % sizes.length]!
    await s.step(...records.slice(at, at + size))
    at += size
  }
}

it('silver is what MySQL has, through crashes, zombies, failovers and missing ids', {
  timeout: multiplied(300_000),
}, async () => {
  await fc.assert(
    fc.asyncProperty(histories([1, 1, 2]), cuts, async ({ records, truth }, sizes) => {
      await using s = await Forge.open()
      await taken(records, sizes, s)
      expect(s.halted).toEqual({})
      const rows = [...truth].map(([key, value]) => [String(key), value]).sort()
      expect(await s.silver()).toEqual(rows)
      expect(records.length === 0 ? 'identical' : await s.identical()).toBe('identical')
    }),
    { numRuns: multiplied(8), endOnFailure: true },
  )
})

it('a rebuild is identical through truncates, new topics and halts too', { timeout: multiplied(300_000) }, async () => {
  const truncates = fc.array(fc.record({ at: fc.nat({ max: 20 }), again: fc.nat({ max: 20 }) }), { maxLength: 2 })
  await fc.assert(
    fc.asyncProperty(histories([1, 1, 2]), truncates, cuts, fc.nat({ max: 25 }), async ({ records }, places, sizes, life) => {
      await using s = await Forge.open()
      const all = [...records]
      for (const { at, again } of places) {
        const before = records[Math.min(at, records.length - 1)]
        if (!before) continue
        const { file, pos, gtid, ts } = before
        const cut = t({ file: file!, pos: pos! + 1, ts: ts!, ...(gtid ? { gtid } : {}) })
        all.splice(all.indexOf(before) + 1, 0, cut)
        all.splice(Math.min(all.length, all.indexOf(cut) + again), 0, cut)
      }
      const [old, young] = [all.slice(0, life), all.slice(life).map(record => ({ ...record, life: 'topic-2' }))]
      await taken([...old, ...young], sizes, s)
      const proven = await s.identical()
      // What halts the merges halts a rebuild, at whichever of the events comes first.
      if (Object.keys(s.halted).length > 0) expect(proven).toMatch(/^(identical|new)$|binlake resume/)
      else expect(records.length === 0 ? 'identical' : proven).toBe('identical')
    }),
    { numRuns: multiplied(8), endOnFailure: true },
  )
})
