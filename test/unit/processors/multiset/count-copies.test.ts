// A table without a key, whatever the connector does: silver holds each row as often as the source, and a rebuild comes to the same.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { multiplied } from '../../multiplied.ts'
import { c, d, Forge, type Forged, r, type Source, start, t, u } from '../../scenarios/forge.ts'
import { keyless } from '../lake-of-events.ts'

type Row = { id: number; v: string | null }
const rows: Row[] = [
  { id: 1, v: 'x' },
  { id: 1, v: 'X' },
  { id: 1, v: null },
  { id: 2, v: 'x' },
]

type Write = { op: 'c' | 'u' | 'd' | 't'; pick: number; to: number; sameStatement: boolean }
/** What the connector does: goes on, dies and begins further back, sends old events once more, or takes a snapshot of what is there later on. */
type Deed = { deed: 'run' | 'crash' | 'zombie' | 'snapshot' | 'restart'; many: number; back: number; cutShort: boolean }

const write: fc.Arbitrary<Write> = fc.record({
  op: fc.constantFrom('c', 'c', 'c', 'c', 'u', 'u', 'd', 'd', 't'),
  pick: fc.nat(9),
  to: fc.nat(rows.length - 1),
  sameStatement: fc.boolean(),
})
const deed: fc.Arbitrary<Deed> = fc.record({
  deed: fc.constantFrom('run', 'run', 'run', 'crash', 'zombie', 'snapshot', 'restart'),
  many: fc.integer({ min: 1, max: 6 }),
  back: fc.nat(5),
  cutShort: fc.boolean(),
})

/** The source: its events, and its rows before each of them. */
function sourceOf(writes: readonly Write[], gtids: boolean): { events: Forged[]; states: Row[][] } {
  const events: Forged[] = []
  const states: Row[][] = [[]]
  let now: Row[] = []
  let [pos, row, gtid] = [100, 0, 1]
  for (const { op, pick, to, sameStatement } of writes) {
    const at = now.length > 0 ? pick % now.length : -1
    if (at < 0 && op !== 'c') continue
    if (sameStatement && events.at(-1)?.op === op && op !== 't') row++
    else [pos, row, gtid] = [pos + 10, 0, gtid + 1]
    const source: Source = {
      pos,
      row,
      kafkaKey: null,
      ts: start + pos,
      ...(gtids ? { gtid: `3cdf9606:${gtid}`, order: row + 1 } : {}),
    }
    const [old, next] = [now[at]!, rows[to]!]
    if (op === 't') now = []
    else now = [...now.filter((_, i) => op === 'c' || i !== at), ...(op === 'd' ? [] : [next])]
    if (op === 'c') events.push(c(next.id, next.v, source))
    if (op === 'u') events.push(u(next.id, next.v, { ...source, before: old }))
    if (op === 'd') events.push(d(old.id, { ...source, before: old }))
    if (op === 't') events.push(t(source))
    states.push(now)
  }
  return { events, states }
}

/** What Kafka gets, up to the last event of the source. */
function published({ events, states }: ReturnType<typeof sourceOf>, deeds: readonly Deed[]): (Forged | 'restart')[] {
  const sent: (Forged | 'restart')[] = []
  let [at, looks] = [0, 0]
  const look = (state: number, many: number) => {
    const pos = (events[state - 1]?.pos ?? 100) + 5
    const source = { pos, ts: start + pos + looks++, kafkaKey: null }
    sent.push(...states[state]!.slice(0, many).map(({ id, v }) => r(id, v, source)))
  }
  // A snapshot sees whole transactions.
  const boundary = (state: number): number => (events[state]?.row ? boundary(state + 1) : state)
  for (const { deed, many, back, cutShort } of deeds) {
    if (deed === 'run') sent.push(...events.slice(at, at + many))
    if (deed === 'run') at = Math.min(events.length, at + many)
    if (deed === 'crash') at = Math.max(0, at - back)
    if (deed === 'zombie') sent.push(...events.slice(Math.max(0, at - back - many), Math.max(0, at - back)))
    if (deed === 'restart') sent.push('restart')
    // An empty table tells nothing of its snapshot; that is for Debezium's notifications.
    const later = boundary(Math.min(events.length, at + back))
    if (deed === 'snapshot' && states[later]!.length > 0) {
      if (cutShort) look(later, many)
      const last = boundary(Math.min(events.length, later + (cutShort ? 1 : 0)))
      if (states[last]!.length > 0) look(last, Number.POSITIVE_INFINITY)
      at = states[last]!.length > 0 ? last : later
      if (states[last]!.length === 0) look(later, Number.POSITIVE_INFINITY)
    }
  }
  return [...sent, ...events.slice(at)]
}

const history = fc.record({
  writes: fc.array(write, { minLength: 3, maxLength: 24 }),
  deeds: fc.array(deed, { maxLength: 10 }),
  cuts: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
  gtids: fc.boolean(),
})

it('silver holds what the source holds, and a rebuild is identical', { timeout: multiplied(240_000) }, async () => {
  await fc.assert(
    fc.asyncProperty(history, async ({ writes, deeds, cuts, gtids }) => {
      const source = sourceOf(writes, gtids)
      const sent = published(source, deeds)
      await using forge = await Forge.open({ schemas: [keyless] })
      for (let at = 0, i = 0; at < sent.length; i++) {
        const size = cuts[i % cuts.length]!
        const batch = sent.slice(at, at + size)
        at += size
        if (batch.includes('restart')) await forge.restart()
        const records = batch.filter(record => record !== 'restart')
        if (records.length > 0) await forge.step(...records)
        expect(forge.halted).toEqual({})
      }
      const expected = source.states.at(-1)!.map(({ id, v }) => JSON.stringify([String(id), v]))
      expect((await forge.silver()).map(row => JSON.stringify(row)).sort()).toEqual(expected.sort())
      if (sent.some(record => record !== 'restart')) expect(await forge.identical()).toBe('identical')
    }),
    {
      numRuns: multiplied(15),
      examples: [
        [
          {
            // What a snapshot saw already is sent after it for the first time.
            writes: [1, 2, 3].map(() => ({ op: 'c', pick: 0, to: 0, sameStatement: false })),
            deeds: [
              { deed: 'snapshot', many: 1, back: 1, cutShort: false },
              { deed: 'crash', many: 1, back: 1, cutShort: false },
            ],
            cuts: [1],
            gtids: true,
          },
        ],
      ],
    },
  )
})
