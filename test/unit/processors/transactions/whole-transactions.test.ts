// Orders and their lines come by topics of their own, in any order and in any pieces; gold shows each transaction whole or not at all.
import fc from 'fast-check'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { scan } from '../../../../lake/scan.ts'
import { sql } from '../../../../lake/sql.ts'
import { refreshGold } from '../../../../processors/gold.ts'
import type { SourceTable } from '../../../../processors/source-schema.ts'
import type { GoldModel } from '../../../../sql/gold-models.ts'
import { multiplied } from '../../multiplied.ts'
import { c, d, Forge, r, raw, start, u } from '../../scenarios/forge.ts'
import type { Forged } from '../../scenarios/forged-event.ts'

const number = (name: string, position: number) => ({ name, typeName: 'INT', optional: false, position })
const orders: SourceTable = {
  database: 'shop',
  table: 'orders',
  primaryKey: ['id'],
  columns: [number('id', 1), number('lines', 2)],
}
const lines: SourceTable = {
  database: 'shop',
  table: 'lines',
  primaryKey: ['id'],
  columns: [number('id', 1), number('order_id', 2)],
}

/** An order says how many lines it has: `torn` is those that have another number. */
const model: GoldModel = {
  name: 'torn',
  hash: 'torn',
  text: `SELECT count(*) AS orders, count(*) FILTER (o.lines <> coalesce(l.lines, 0)) AS torn,
    count(*) FILTER (h.lines <> o.lines OR h.lines IS NULL) AS torn_in_history
    FROM silver.orders o LEFT JOIN (SELECT order_id, count(*) AS lines FROM silver.lines GROUP BY ALL) l ON o.id = l.order_id
    LEFT JOIN (SELECT id, lines FROM silver.orders_history WHERE _is_current) h ON h.id = o.id`,
  inputs: [
    { schema: 'silver', table: 'orders' },
    { schema: 'silver', table: 'lines' },
    { schema: 'silver', table: 'orders_history' },
  ],
} as unknown as GoldModel

interface Deed {
  order: number
  lines: number
}

/** Each transaction of the source: the records of each topic. */
function history(deeds: readonly Deed[], server = 'a'): Record<'orders' | 'lines' | 'transaction', Forged[]> {
  const held = new Map<number, number>()
  const topics = { orders: [] as Forged[], lines: [] as Forged[], transaction: [] as Forged[] }
  for (const [n, { order, lines: wanted }] of deeds.entries()) {
    const gtid = `${n < deeds.length / 2 ? server : 'b'}:${n < deeds.length / 2 ? n + 100 : n + 1}`
    const at = { gtid, pos: 100 + n, ts: start + n, database: 'shop' }
    const before = held.get(order)
    const mine: [Forged[], Forged[]] = [[], []]
    let turn = 0
    const next = () => ({ ...at, order: ++turn })
    if (before === undefined) mine[0].push(c(order, { id: order, lines: wanted }, { ...next(), table: 'orders' }))
    else if (wanted === 0) mine[0].push(d(order, { ...next(), table: 'orders', before: { id: order, lines: before } }))
    else mine[0].push(u(order, { id: order, lines: wanted }, { ...next(), table: 'orders' }))
    for (let i = before ?? 0; i < wanted; i++)
      mine[1].push(c(order * 10 + i, { id: order * 10 + i, order_id: order }, { ...next(), table: 'lines' }))
    for (let i = wanted; i < (before ?? 0); i++)
      mine[1].push(d(order * 10 + i, { ...next(), table: 'lines', before: { id: order * 10 + i, order_id: order } }))
    if (wanted === 0) held.delete(order)
    else held.set(order, wanted)
    topics.orders.push(...mine[0])
    topics.lines.push(...mine[1])
    const counts = [
      { data_collection: 'shop.orders', event_count: mine[0].length },
      // A table that the lake does not have.
      { data_collection: 'shop.elsewhere', event_count: 3 },
      ...(mine[1].length > 0 ? [{ data_collection: 'shop.lines', event_count: mine[1].length }] : []),
    ]
    topics.transaction.push(
      transaction({ status: 'BEGIN', id: gtid, ts_ms: start + n, event_count: null, data_collections: null }),
      transaction({ status: 'END', id: gtid, ts_ms: start + n, event_count: turn + 3, data_collections: counts }),
    )
  }
  return topics
}

function transaction(value: { id: string; [field: string]: unknown }): Forged {
  return raw(value, { topic: 'shop.transaction', life: 'transactions', key: { id: value.id } })
}

const log = pino({ level: 'silent' })

async function refreshed(
  s: Forge,
  patienceMs?: number,
): Promise<{ orders: number; torn: number; torn_in_history: number } | undefined> {
  const { duck, lake } = s.events
  const { failed } = await refreshGold({
    duck,
    lake,
    models: [model],
    log,
    ...(patienceMs === undefined ? {} : { transactions: { patienceMs } }),
  })
  expect(failed).toEqual([])
  const snapshot = await lake.current('gold/torn')
  if (!snapshot) return undefined
  const row = await duck.row<Record<string, bigint>>(sql`SELECT * FROM ${await scan(lake.table('gold/torn'), snapshot)}`)
  return { orders: Number(row!.orders), torn: Number(row!.torn), torn_in_history: Number(row!.torn_in_history) }
}

const scenario = fc.record({
  deeds: fc.array(fc.record({ order: fc.integer({ min: 1, max: 4 }), lines: fc.integer({ min: 0, max: 4 }) }), {
    minLength: 4,
    maxLength: 12,
  }),
  // Which topic goes on, by how many records, and what is merged then.
  steps: fc.array(
    fc.record({
      topic: fc.constantFrom('orders', 'lines', 'transaction'),
      records: fc.integer({ min: 1, max: 6 }),
      refine: fc.subarray(['orders', 'lines']),
    }),
    { minLength: 10, maxLength: 25 },
  ),
})

async function play(
  { deeds, steps }: { deeds: Deed[]; steps: { topic: string; records: number; refine: string[] }[] },
  each: (s: Forge) => Promise<void>,
): Promise<void> {
  await using s = await Forge.open({ schemas: [orders, lines] })
  const topics = history(
    deeds
      .filter(({ lines }, i) => i > 0 || lines > 0)
      .map((deed, i, all) => (isFirst(all, i) ? { ...deed, lines: Math.max(1, deed.lines) } : deed)),
  )
  const rest = [
    ...steps,
    ...(['orders', 'lines', 'transaction'] as const).map(topic => ({ topic, records: 1_000, refine: ['orders', 'lines'] })),
  ]
  for (const { topic, records, refine } of rest) {
    const next = topics[topic as keyof typeof topics].splice(0, records)
    if (next.length > 0) await s.ingest(...next)
    for (const table of refine) await s.events.refine(await s.way(table))
    await each(s)
  }
}

/** Whether the order is not there before this deed, so that it is inserted. */
function isFirst(all: readonly Deed[], i: number): boolean {
  let there = false
  for (const { order, lines } of all.slice(0, i)) if (order === all[i]!.order) there = !there || lines > 0
  return !there
}

it('gold shows every transaction whole or not at all, however its tables were merged', {
  timeout: multiplied(240_000),
}, async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async run => {
      let last: Awaited<ReturnType<typeof refreshed>>
      let whole: Awaited<ReturnType<typeof refreshed>>
      await play(run, async s => {
        last = await refreshed(s, 60_000)
        if (last) expect(last).toMatchObject({ torn: 0, torn_in_history: 0 })
        // What is shown in the end is all there is.
        whole = await refreshed(s)
      })
      expect(last).toEqual(whole)
    }),
    { numRuns: multiplied(5), endOnFailure: true },
  )
})

const one = (table: string, record: Forged): Forged => ({ ...record, database: 'shop', table })
const inTransaction = (gtid: string, n: number, order: number) => ({ gtid, pos: 100 + n, ts: start + n, order })
const end = (id: string, n: number, ...counts: [table: string, events: number][]) =>
  transaction({
    status: 'END',
    id,
    ts_ms: start + n,
    event_count: counts.reduce((sum, [, events]) => sum + events, 0),
    data_collections: counts.map(([table, event_count]) => ({ data_collection: `shop.${table}`, event_count })),
  })
const begin = (id: string, n: number) =>
  transaction({ status: 'BEGIN', id, ts_ms: start + n, event_count: null, data_collections: null })

/** Order 1 is whole; order 2 is in silver without its two lines. */
async function halfAnOrder(s: Forge): Promise<void> {
  await s.ingest(
    begin('a:1', 1),
    one('orders', c(1, { id: 1, lines: 1 }, inTransaction('a:1', 1, 1))),
    one('lines', c(10, { id: 10, order_id: 1 }, inTransaction('a:1', 1, 2))),
    end('a:1', 1, ['orders', 1], ['lines', 1]),
    begin('a:2', 2),
    end('a:2', 2, ['orders', 1], ['lines', 2]),
  )
  await s.refine()
  await s.ingest(one('orders', c(2, { id: 2, lines: 2 }, inTransaction('a:2', 2, 1))))
  await s.refine()
}

it('an order without its lines is seen without the setting, and not with it', async () => {
  await using s = await Forge.open({ schemas: [orders, lines] })
  await halfAnOrder(s)
  expect(await refreshed(s, 60_000)).toEqual({ orders: 1, torn: 0, torn_in_history: 0 })
  expect(await refreshed(s)).toEqual({ orders: 2, torn: 1, torn_in_history: 0 })
  await s.step(
    one('lines', c(20, { id: 20, order_id: 2 }, inTransaction('a:2', 2, 2))),
    one('lines', c(21, { id: 21, order_id: 2 }, inTransaction('a:2', 2, 3))),
  )
  // Another process goes on from what gold keeps.
  await s.restart()
  expect(await refreshed(s, 60_000)).toEqual({ orders: 2, torn: 0, torn_in_history: 0 })
})

it('what never becomes whole is not waited for without end', async () => {
  await using s = await Forge.open({ schemas: [orders, lines] })
  await halfAnOrder(s)
  expect((await refreshed(s, 1))?.orders).toBe(1)
  await new Promise(resolve => setTimeout(resolve, 20))
  expect((await refreshed(s, 1))?.orders).toBe(2)
  // A transaction that its topic never ends, and changes of one that it never told of.
  await s.step(begin('a:3', 3), one('orders', c(3, { id: 3, lines: 0 }, inTransaction('a:3', 3, 1))))
  await s.step(one('orders', c(4, { id: 4, lines: 0 }, inTransaction('a:4', 4, 1))))
  expect((await refreshed(s, 1))?.orders).toBe(2)
  await new Promise(resolve => setTimeout(resolve, 20))
  expect((await refreshed(s, 1))?.orders).toBe(4)
})

it('a table that stands still is waited for once, and again when it has moved', async () => {
  await using s = await Forge.open({ schemas: [orders, lines] })
  const half = async (n: number) =>
    s.step(
      begin(`a:${n}`, n),
      end(`a:${n}`, n, ['orders', 1], ['lines', 1]),
      one('orders', c(n, { id: n, lines: 1 }, inTransaction(`a:${n}`, n, 1))),
    )
  const line = (n: number) => s.step(one('lines', c(n * 10, { id: n * 10, order_id: n }, inTransaction(`a:${n}`, n, 2))))
  await half(1)
  await line(1)
  expect(await refreshed(s, 50)).toMatchObject({ orders: 1, torn: 0 })
  await half(2)
  expect((await refreshed(s, 50))?.orders).toBe(1)
  await new Promise(resolve => setTimeout(resolve, 60))
  expect((await refreshed(s, 50))?.orders).toBe(2)
  // The lines have halted: no transaction after that is held up by them.
  await half(3)
  expect((await refreshed(s, 50))?.orders).toBe(3)
  await half(4)
  expect((await refreshed(s, 50))?.orders).toBe(4)
  // They go on, and are waited for again.
  await line(2)
  await line(3)
  await line(4)
  expect(await refreshed(s, 60_000)).toMatchObject({ orders: 4, torn: 0 })
  await half(5)
  expect((await refreshed(s, 60_000))?.orders).toBe(4)
})

it('changes that tell of no transaction, and rows of snapshots, wait for none', async () => {
  await using s = await Forge.open({ schemas: [orders, lines] })
  await s.step(
    one('orders', r(1, { id: 1, lines: 1 }, { pos: 5 })),
    one('lines', c(10, { id: 10, order_id: 1 }, { pos: 100 })),
    one('orders', c(2, { id: 2, lines: 0 }, { pos: 110, gtid: 'a:9' })),
  )
  expect(await refreshed(s, 60_000)).toEqual({ orders: 2, torn: 0, torn_in_history: 0 })
})
