// The set-based path must come to what `decide` comes to, over random histories of crashes, replays and zombies.
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Duck } from '../../../lake/duckdb.ts'
import { id, join, type Sql, sql } from '../../../lake/sql.ts'
import { collapse } from '../../../processors/collapse.ts'
import { decide, identity, type KeyEvent } from '../../../processors/decide.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open({ threads: 1 })
})
afterAll(() => duck.close())

interface Change extends KeyEvent {
  id: number
}

/** A source's log: positions grow, a few keys, several rows an event, sometimes a new file. */
const sourceLog = fc
  .array(
    fc.record({ id: fc.integer({ min: 1, max: 4 }), op: fc.constantFrom('c', 'u', 'd'), step: fc.constantFrom(0, 1, 1, 1, 9) }),
    { maxLength: 14 },
  )
  .map(steps => {
    let pos = 100
    let row = 0
    let file = 8
    return steps.map(({ id, op, step }, i) => {
      if (step === 0) row++
      else {
        pos += step
        row = 0
      }
      if (step === 9) {
        file++
        pos = 4
      }
      return { id, op, file: `binlog.${String(file).padStart(6, '0')}`, pos: BigInt(pos), row, sourceTs: BigInt(i) * 1_000n }
    })
  })

/** Runs of the connector: each starts at or before where some run ended, and may be a zombie that goes on beside the next. */
const runs = fc.array(fc.record({ back: fc.integer({ min: 0, max: 5 }), length: fc.integer({ min: 1, max: 8 }) }), {
  minLength: 1,
  maxLength: 6,
})

const history = fc
  .record({ log: sourceLog, runs, gtids: fc.boolean(), cut: fc.nat({ max: 20 }) })
  .map(({ log, runs, gtids, cut }) => {
    const events: Change[] = []
    let produced = 0
    for (const { back, length } of runs) {
      const from = Math.max(0, produced - back)
      for (let i = from; i < Math.min(log.length, from + length); i++) {
        events.push({
          ...log[i]!,
          gtid: gtids ? `3e11fa47:${i + 1}` : null,
          txOrder: gtids ? 1n : null,
          partition: 0,
          offset: BigInt(events.length),
          snapshot: null,
        })
      }
      produced = Math.max(produced, Math.min(log.length, from + length))
    }
    return { events, cut: Math.min(cut, events.length) }
  })

/** What `decide` makes of each key: offsets that apply, and the one that stands. */
function reference(events: Change[]) {
  const applied: number[] = []
  const standing = new Map<number, Change>()
  const seen = new Map<number, Set<string>>()
  for (const event of events) {
    const identities = seen.get(event.id) ?? new Set()
    seen.set(event.id, identities)
    const verdict = decide(event, standing.get(event.id), identities)
    identities.add(identity(event))
    if (verdict !== 'APPLY') continue
    applied.push(Number(event.offset))
    standing.set(event.id, event)
  }
  return { applied, standing }
}

async function load(table: 'changes' | 'state', events: Change[]): Promise<void> {
  const row = (e: Change): Sql =>
    sql`(${e.id}, ${e.op}, make_timestamptz(${e.sourceTs}), ${e.partition}, ${e.offset}::BIGINT, ${e.file}, ${e.pos!}::BIGINT, ${e.row!}, ${e.gtid}, ${e.txOrder}::BIGINT, NULL, false, make_timestamptz(${e.sourceTs}))`
  const names = sql`t(id, _op, _source_ts, _partition, _offset, _file, _pos, _row, _gtid, _tx_order, _snapshot, _bad, _valid_from)`
  const blank: Change = {
    id: 0,
    op: 'c',
    file: 'b.1',
    pos: 0n,
    row: 0,
    gtid: 'x:1',
    txOrder: 0n,
    partition: 0,
    offset: 0n,
    sourceTs: 0n,
    snapshot: null,
  }
  const values = join([blank, ...events].map(row))
  const except = table === 'changes' ? sql`EXCLUDE (_valid_from)` : sql`EXCLUDE (_bad)`
  await duck.run(
    sql`CREATE OR REPLACE TEMP TABLE ${id(table)} AS SELECT ${table === 'changes' ? sql`row_number() OVER () AS _row_id, ` : sql``}* ${except} FROM (VALUES ${values}) AS ${names} WHERE id > 0`,
  )
}

async function setBased(events: Change[], state: Change[]) {
  await load('changes', events)
  await load('state', state)
  await collapse(duck, 'shop.t', ['id'])
  return duck.rows<{ id: number; o: bigint; w: boolean; in_order: boolean }>(
    sql`SELECT id, _offset AS o, _winner AS w, _valid_from >= _source_ts AS in_order FROM applied ORDER BY o`,
  )
}

describe('collapse', () => {
  it('applies what decide applies, in one batch', async () => {
    await fc.assert(
      fc.asyncProperty(history, async ({ events }) => {
        const wanted = reference(events)
        const rows = await setBased(events, [])
        expect(rows.map(row => Number(row.o))).toEqual(wanted.applied)
        expect(new Map(rows.filter(row => row.w).map(row => [row.id, row.o]))).toEqual(
          new Map([...wanted.standing].map(([id, e]) => [id, e.offset])),
        )
        expect(rows.every(row => row.in_order)).toBe(true)
      }),
      { numRuns: 150 },
    )
  }, 120_000)

  it('comes to the same rows when the batch is cut anywhere, replays included', async () => {
    await fc.assert(
      fc.asyncProperty(history, async ({ events, cut }) => {
        const wanted = reference(events)
        const first = await setBased(events.slice(0, cut), [])
        const standing = reference(events.slice(0, cut)).standing
        const second = await setBased(events.slice(cut), [...standing.values()])
        const applied = [...first, ...second].map(row => Number(row.o))
        // Only identities of the last applied event are known across a cut; older replays are vetoed by position.
        expect(applied).toEqual(wanted.applied)
      }),
      { numRuns: 150 },
    )
  }, 120_000)

  it('never lets the clock run backwards within a key', async () => {
    const at = (offset: number, ts: number): Change => ({
      id: 1,
      op: 'u',
      file: 'b.000001',
      pos: BigInt(offset * 10),
      row: 0,
      gtid: null,
      txOrder: null,
      partition: 0,
      offset: BigInt(offset),
      sourceTs: BigInt(ts),
      snapshot: null,
    })
    await setBased([at(1, 500), at(2, 300), at(3, 900)], [])
    const rows = await duck.rows<{ us: bigint }>(sql`SELECT epoch_us(_valid_from) AS us FROM applied ORDER BY _offset`)
    expect(rows.map(row => row.us)).toEqual([500n, 500n, 900n])
  })

  it('says which event cannot be decided', async () => {
    const before: Change = {
      id: 1,
      op: 'u',
      file: 'b.000009',
      pos: 900n,
      row: 0,
      gtid: null,
      txOrder: null,
      partition: 0,
      offset: 1n,
      sourceTs: 0n,
      snapshot: null,
    }
    const reset = { ...before, file: 'b.000001', pos: 4n, offset: 2n, sourceTs: 86_400_000_000n }
    await expect(setBased([reset], [before])).rejects.toMatchObject({
      code: 'TABLE_HALTED',
      message: expect.stringContaining('offset 2'),
    })
  })
})
