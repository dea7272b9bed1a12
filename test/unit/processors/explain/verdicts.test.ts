// Asked event by event, the rule says what the line did, over random histories with replays, failovers and several partitions.
import fc from 'fast-check'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { compileMask } from '../../../../privacy/mask.ts'
import { parsePolicy } from '../../../../privacy/policy.ts'
import { explainKey } from '../../../../processors/explain/explain.ts'
import { multiplied } from '../../multiplied.ts'
import { c, d, Forge, type Forged, r, t, u } from '../../scenarios/forge.ts'

const steps = fc.array(
  fc.record({
    op: fc.constantFrom('w', 'w', 'w', 'd', 'r', 't', 'again', 'again', 'server'),
    id: fc.integer({ min: 1, max: 2 }),
    back: fc.nat({ max: 6 }),
  }),
  { minLength: 3, maxLength: 14 },
)

const history = fc.record({ steps, gtids: fc.boolean(), cut: fc.integer({ min: 1, max: 5 }) })

it('explain and the line agree, and silver is the last event that applied', { timeout: multiplied(240_000) }, async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ steps: all, gtids, cut }) => {
      const records = forged(all, gtids)
      await using s = await Forge.open()
      for (let at = 0; at < records.length; at += cut) await s.step(...records.slice(at, at + cut))
      const { schema, policy: text } = await s.way('t')
      const policy = parsePolicy(text, 'policy.yaml')
      const { duck, lake } = s.events
      const context = { duck, lake, policy, keys: new Map(), gold: [], log: pino({ level: 'silent' }) }
      const mask = compileMask(policy, schema, new Map())
      for (const id of [1, 2]) {
        const found = await explainKey(
          context,
          { schema, mask },
          { asked: { ordered: [String(id)] }, values: false, gold: false },
        )
        if (!found) continue
        expect(found.events.filter(({ differs }) => differs)).toEqual([])
        if (found.halted !== undefined) continue
        const applied = found.events.filter(({ outcome }) => outcome === 'APPLY')
        const last = applied.at(-1)
        const gone = last === undefined || last.op === 'd' || last.op === 't'
        expect(found.silver.row?.offset).toBe(gone ? undefined : last.offset)
        const versions = applied.filter(({ why }) => !why.includes('no new version'))
        expect(found.silver.history.map(({ seq }) => seq)).toEqual(versions.map(({ offset }) => offset))
      }
    }),
    { numRuns: multiplied(8) },
  )
})

function forged(all: readonly { op: string; id: number; back: number }[], gtids: boolean): Forged[] {
  const records: Forged[] = []
  const live = new Set<number>()
  let server = 1
  let sequence = 0
  let pos = 0
  for (const { op, id, back } of all) {
    if (op === 'again') {
      records.push(...records.slice(Math.max(0, records.length - back)))
      continue
    }
    if (op === 'server') {
      if (gtids) server++
      continue
    }
    pos += 10
    sequence++
    const place = { pos, ts: 1_800_000_000_000 + pos, ...(gtids ? { gtid: `s${server}:${sequence}`, order: 1 } : {}) }
    if (op === 't') {
      live.clear()
      records.push(t(place))
    } else if (op === 'd') {
      if (live.delete(id)) records.push(d(id, place))
    } else if (op === 'r') {
      live.add(id)
      records.push(r(id, `v${back}`, { pos, ts: place.ts, snapshot: 'incremental' }))
    } else {
      records.push((live.has(id) ? u : c)(id, `v${sequence}`, place))
      live.add(id)
    }
  }
  return records
}
