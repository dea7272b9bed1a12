// The set-based path must come to what `decide` comes to row by row, over random histories of crashes, zombies and failovers.
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Duck } from '../../../../lake/duckdb.ts'
import { id, join, type Sql, sql } from '../../../../lake/sql.ts'
import { collapse } from '../../../../processors/order/collapse.ts'
import { decide, type KeyEvent, sentBefore } from '../../../../processors/order/decide.ts'
import { findSeen } from '../../../../processors/order/identity.ts'
import { parseFile, trustsOrder } from '../../../../processors/order/source-position.ts'
import { multiplied } from '../../multiplied.ts'
import type { Forged } from '../../scenarios/forged-event.ts'
import { histories } from '../../scenarios/source-history.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open({ threads: 1 })
})
afterAll(() => duck.close())

interface Change extends KeyEvent {
  id: number
}

/** As bronze and event-rows.ts make them: offsets, epochs (`resets`: places from which one begins), lineages. */
function eventsOf(records: readonly Forged[], resets: readonly number[] = []): Change[] {
  const next = new Map<number, bigint>()
  const logs = new Map<number, { base: string; number: bigint; lineage: number }>()
  const events: Change[] = []
  for (const [i, record] of records.entries()) {
    const { partition = 0, ts = 0, order, version = '3.6.1.Final' } = record
    const offset = next.get(partition) ?? 0n
    next.set(partition, offset + 1n)
    const event: Change = {
      id: record.key as number,
      op: record.op,
      file: record.file!,
      pos: BigInt(record.pos!),
      row: record.row!,
      gtid: record.gtid ?? null,
      txOrder: order === undefined || !trustsOrder(version) ? null : BigInt(order),
      partition,
      offset,
      sourceTs: BigInt(ts) * 1_000n,
      snapshot: typeof record.snapshot === 'string' ? record.snapshot : null,
      content: String(record.after?.v),
      epoch: resets.filter(from => from <= i).length,
      lineage: 0,
    }
    const file = parseFile(event.file!)!
    const log = logs.get(partition)
    const unseen = event.snapshot !== 'incremental' && !seenBefore(event, events, { anyEpoch: true })
    if (!log) logs.set(partition, { ...file, lineage: 0 })
    else if (unseen && log.base === file.base && file.number >= log.number) log.number = file.number
    else if (unseen) Object.assign(log, file, { lineage: log.lineage + 1 })
    events.push({ ...event, lineage: logs.get(partition)!.lineage })
  }
  return events
}

function seenBefore(event: Change, earlier: readonly Change[], { anyEpoch = false } = {}): boolean {
  const own = earlier.filter(each => each.id === event.id && each.partition === event.partition)
  return sentBefore(event, anyEpoch ? own.map(each => ({ ...each, epoch: event.epoch })) : own) !== undefined
}

/** What `decide` makes of each key: offsets that apply, the one that stands; and where it halts. */
function reference(events: readonly Change[]) {
  const applied: string[] = []
  const halts = new Map<number, string>()
  const standing = new Map<number, Change>()
  for (const [i, event] of events.entries()) {
    if (halts.has(event.id)) continue
    const verdict = decide(event, standing.get(event.id), seenBefore(event, events.slice(0, i)))
    if (verdict === 'HALT') halts.set(event.id, place(event))
    if (verdict !== 'APPLY') continue
    applied.push(place(event))
    standing.set(event.id, event)
  }
  return { applied, standing, halts: [...halts.values()] }
}

const place = ({ partition, offset }: Pick<Change, 'partition' | 'offset'>) => `${partition}:${offset}`

function rowsOf(events: readonly Change[]): Sql {
  const row = (e: Change): Sql =>
    sql`(${e.id}, ${e.op}, make_timestamptz(${e.sourceTs}), ${e.partition}, ${e.offset}::BIGINT, ${e.file}, ${e.pos!}::BIGINT, ${e.row!}, ${e.gtid}, ${e.txOrder}::BIGINT, ${e.snapshot}, ${e.epoch}, ${e.lineage}, ${e.content ?? null})`
  const blank: Change = {
    ...eventsOf([{ op: 'c', key: 0, after: null, file: 'b.1', pos: 0, row: 0, gtid: 'x:1', order: 1, snapshot: 'no' }])[0]!,
  }
  return sql`(SELECT * FROM (VALUES ${join([blank, ...events].map(row))}) AS t(id, _op, _source_ts, _partition, _offset, _file, _pos, _row, _gtid, _tx_order, _snapshot, _epoch, _lineage, _content) WHERE id > 0)`
}

/** One step over `events[from..to)`, with the state that `decide` came to before it. */
async function setBased(
  events: readonly Change[],
  from: number,
  to: number,
  state: Iterable<Change>,
): Promise<{ place: string; id: number; w: boolean; in_order: boolean }[]> {
  await duck.run(
    sql`CREATE OR REPLACE TEMP TABLE everything AS SELECT *, id::VARCHAR AS _key, make_timestamptz(0) AS _ingested_at FROM ${rowsOf(events)}`,
  )
  await duck.run(
    sql`CREATE OR REPLACE TEMP TABLE changes AS SELECT row_number() OVER () AS _row_id, false AS _bad, * FROM ${rowsOf(events.slice(from, to))}`,
  )
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE state AS SELECT *, _source_ts AS _valid_from FROM ${rowsOf([...state])}`)
  const several = new Set(events.map(({ partition }) => partition)).size > 1
  const arrivals = sql`(SELECT _epoch, _partition, _offset, make_timestamptz(0) AS _arrived FROM changes)`
  await collapse(duck, {
    table: 'shop.t',
    key: ['id'],
    findSeen: places =>
      findSeen(duck, {
        events: sql`(SELECT * FROM everything SEMI JOIN ${places} USING (_epoch, _partition, _offset))`,
        earlier: sql`everything`,
      }),
    arrivals: several ? arrivals : undefined,
  })
  const rows = await duck.rows<{ id: number; p: number; o: bigint; w: boolean; in_order: boolean }>(
    sql`SELECT id, _partition AS p, _offset AS o, _winner AS w, _valid_from >= _source_ts AS in_order FROM applied ORDER BY o, p`,
  )
  return rows.map(({ p, o, ...row }) => ({ ...row, place: `${p}:${o}` }))
}

const sorted = (places: readonly string[]) => [...places].sort()

describe('collapse', () => {
  it('applies what decide applies, in one batch', { timeout: multiplied(240_000) }, async () => {
    await fc.assert(
      fc.asyncProperty(histories([1, 1, 2], { prepared: true }), async ({ records }) => {
        const events = eventsOf(records)
        const wanted = reference(events)
        expect(wanted.halts).toEqual([])
        const rows = await setBased(events, 0, events.length, [])
        expect(sorted(rows.map(row => row.place))).toEqual(sorted(wanted.applied))
        const standing = new Map([...wanted.standing].map(([key, e]) => [key, place(e)]))
        expect(new Map(rows.filter(row => row.w).map(row => [row.id, row.place]))).toEqual(standing)
        expect(rows.every(row => row.in_order)).toBe(true)
      }),
      { numRuns: multiplied(40) },
    )
  })

  it('comes to the same rows when the batch is cut anywhere, runs sent again included', {
    timeout: multiplied(240_000),
  }, async () => {
    await fc.assert(
      fc.asyncProperty(histories([1, 1, 2], { prepared: true }), fc.nat({ max: 30 }), async ({ records }, cutAt) => {
        const events = eventsOf(records)
        const cut = Math.min(cutAt, events.length)
        const [wanted, before] = [reference(events), reference(events.slice(0, cut))]
        const first = await setBased(events, 0, cut, [])
        const second = await setBased(events, cut, events.length, before.standing.values())
        expect(sorted([...first, ...second].map(row => row.place))).toEqual(sorted(wanted.applied))
      }),
      { numRuns: multiplied(40) },
    )
  })

  it('comes to what MySQL has', { timeout: multiplied(120_000) }, () => {
    fc.assert(
      fc.property(histories([1, 2]), ({ records, truth }) => {
        const wanted = reference(eventsOf(records))
        expect(wanted.halts).toEqual([])
        const values = new Map(records.map(record => [record, record.after?.v]))
        const events = eventsOf(records)
        const has = [...wanted.standing].flatMap(([key, e]) => {
          const record = records[events.findIndex(each => place(each) === place(e))]!
          return record.op === 'd' ? [] : [[key, values.get(record)] as const]
        })
        expect(new Map(has)).toEqual(truth)
      }),
      { numRuns: multiplied(1_000) },
    )
  })

  it('halts or applies as decide does where numbers were reset, and goes on in the new epoch', {
    timeout: multiplied(240_000),
  }, async () => {
    await fc.assert(
      fc.asyncProperty(histories([1]), histories([1]), fc.boolean(), async (one, two, resumed) => {
        const later = two.records.map(record => ({ ...record, ts: record.ts! + 86_400_000 }))
        const events = eventsOf([...one.records, ...later], resumed ? [one.records.length] : [])
        const wanted = reference(events)
        if (wanted.halts.length > 0) {
          const halted = await setBased(events, 0, events.length, []).then(
            () => undefined,
            error => error,
          )
          expect(halted).toMatchObject({ code: 'TABLE_HALTED', message: expect.stringContaining('binlake resume shop.t') })
          expect(wanted.halts).toContain(place(halted.place))
          expect(resumed).toBe(false)
        } else {
          const rows = await setBased(events, 0, events.length, [])
          expect(sorted(rows.map(row => row.place))).toEqual(sorted(wanted.applied))
        }
      }),
      { numRuns: multiplied(30) },
    )
  })

  it('never lets the clock run backwards within a key', async () => {
    const at = (i: number, ts: number): Forged => ({
      op: 'u',
      key: 1,
      after: null,
      file: 'b.000001',
      pos: i * 10,
      row: 0,
      ts,
      snapshot: null,
    })
    const events = eventsOf([at(1, 500), at(2, 300), at(3, 900)])
    await setBased(events, 0, 3, [])
    const rows = await duck.rows<{ us: bigint }>(sql`SELECT epoch_us(_valid_from) AS us FROM applied ORDER BY ${id('_offset')}`)
    expect(rows.map(row => row.us)).toEqual([500_000n, 500_000n, 900_000n])
  })
})
