import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { type SimulationOptions, transactions } from '../../../shop/simulate.ts'
import { microsOf } from '../../../shop/time.ts'
import type { Row, ShopTransaction } from '../../../shop/transaction.ts'
import { multiplied } from '../multiplied.ts'
import { Replica } from './replica.ts'

vi.setConfig({ testTimeout: 60_000 })

const start = new Date('2025-01-01T00:00:00Z')
const small: SimulationOptions = { seed: 7, customers: 120, orders: 400, start }

function run(options: SimulationOptions): { replica: Replica; history: ShopTransaction[] } {
  const replica = new Replica()
  const history = [...transactions(options)]
  for (const transaction of history) replica.apply(transaction)
  return { replica, history }
}

describe('the simulated shop', () => {
  test('is the same for the same seed and another for another', () => {
    const text = (seed: number) => JSON.stringify([...transactions({ ...small, seed })])
    expect(text(7)).toBe(text(7))
    expect(text(7)).not.toBe(text(8))
  })

  test('never breaks a key or a foreign key, whatever the size', () => {
    const sizes = fc.record({ seed: fc.nat(), customers: fc.integer({ min: 1, max: 150 }), orders: fc.nat({ max: 120 }) })
    fc.assert(
      fc.property(sizes, size => {
        const { replica } = run({ ...size, start, days: 30 })
        expect(replica.rows('orders').length).toBeLessThanOrEqual(size.orders)
        expect(replica.rows('customers').length).toBeGreaterThan(0)
      }),
      { numRuns: multiplied(30) },
    )
  })

  test('places as many orders and signs up as many customers as asked, in order of its clock', () => {
    const { history } = run(small)
    const inserted = (table: string) =>
      history.flatMap(({ changes }) => changes).filter(each => each.table === table && each.op === 'insert')
    expect(inserted('orders')).toHaveLength(400)
    expect(inserted('customers').length).toBeGreaterThanOrEqual(120)
    const times = history.map(({ changes }) => String((changes[0]!.after ?? changes[0]!.before)!.updated_at))
    const stamps = history.flatMap(({ changes }) =>
      changes.filter(each => each.after).map(each => String(each.after!.updated_at)),
    )
    expect(stamps).toEqual([...stamps].sort())
    expect(times[0]).toBe('2025-01-01 00:00:00.000001')
  })

  test('moves every order along the one allowed way, and pays it once', () => {
    const allowed = [
      'placed paid',
      'placed cancelled',
      'paid cancelled',
      'paid shipped',
      'shipped delivered',
      'delivered returned',
    ]
    const { replica, history } = run(small)
    const steps = new Set<string>()
    for (const change of history.flatMap(({ changes }) => changes)) {
      if (change.table !== 'orders' || change.op !== 'update') continue
      if (change.before.status !== change.after.status) steps.add(`${change.before.status} ${change.after.status}`)
    }
    expect([...steps].sort()).toEqual(allowed.sort())
    const captured = Map.groupBy(
      replica.rows('payments').filter(({ status }) => status === 'captured'),
      ({ order_id }) => order_id,
    )
    for (const { id, status } of replica.rows('orders')) {
      expect(['delivered', 'cancelled', 'returned']).toContain(status)
      expect(captured.get(id!)?.length ?? 0).toBe(status === 'delivered' ? 1 : 0)
    }
  })

  test('asks each payment for goods - discount + shipping + tax', () => {
    const { replica } = run(small)
    const cents = (value: unknown) => Math.round(Number(value) * 100)
    const lines = Map.groupBy(replica.rows('order_items'), ({ order_id }) => order_id)
    const orders = new Map(replica.rows('orders').map(order => [order.id, order]))
    for (const { order_id, amount, status } of replica.rows('payments')) {
      if (status !== 'captured') continue
      const { discount, shipping, tax } = orders.get(order_id!)!
      const goods = lines.get(order_id!)!.reduce((sum, line) => sum + Number(line.quantity) * cents(line.unit_price), 0)
      expect(cents(amount)).toBe(goods - cents(discount) + cents(shipping) + cents(tax))
    }
  })

  test('puts an order and its 1 to 8 lines and first payment into one transaction', () => {
    const { history } = run(small)
    for (const { changes } of history) {
      const order = changes.find(({ table, op }) => table === 'orders' && op === 'insert')
      if (!order) continue
      const lines = changes.filter(({ table, op }) => table === 'order_items' && op === 'insert')
      expect(lines.map(({ after }) => after!.line_no)).toEqual(lines.map((_, index) => index + 1))
      expect(lines.length).toBeGreaterThan(0)
      expect(lines.length).toBeLessThanOrEqual(8)
      expect(changes.filter(({ table, op }) => table === 'payments' && op === 'insert')).toHaveLength(1)
    }
  })

  test('has bursts of carts that take less than 5 s for 5 adds, and near misses', () => {
    const { history } = run(small)
    const adds = history.flatMap(({ changes }) =>
      changes.flatMap(each => (each.table === 'cart_events' && each.op === 'insert' ? [each.after] : [])),
    )
    const spans = [
      ...Map.groupBy(
        adds.filter(({ action }) => action === 'add'),
        ({ session_id }) => session_id,
      ).values(),
    ].flatMap(fiveAdds)
    expect(spans.filter(span => span < 5_000_000).length).toBeGreaterThan(5)
    expect(spans.filter(span => span >= 5_000_000 && span < 7_000_000).length).toBeGreaterThan(5)
  })

  test('updates primary keys, deletes customers with all their rows, and lets some come back', () => {
    const { replica, history } = run({ ...small, customers: 900, orders: 1_500 })
    const changes = history.flatMap(each => each.changes)
    const moved = changes.filter(
      each => each.op === 'update' && each.table === 'order_items' && each.before.line_no !== each.after.line_no,
    )
    expect(moved.length).toBeGreaterThan(0)
    const deleted = changes.flatMap(each => (each.table === 'customers' && each.op === 'delete' ? [each.before] : []))
    expect(deleted).toHaveLength(11)
    const left = new Set(deleted.map(({ id }) => id))
    for (const table of ['orders', 'touches', 'cart_events']) {
      expect(replica.rows(table).some(({ customer_id }) => left.has(customer_id!))).toBe(false)
    }
    const emails = new Set(replica.rows('customers').map(({ email }) => email))
    expect(deleted.some(({ email }) => emails.has(email!))).toBe(true)
  })

  test('gives the canary address to one customer, takes it away and gives it back', () => {
    const canary = 'canary.4711@privacy.example'
    const { replica, history } = run({ ...small, canary })
    const emails = history.flatMap(({ changes }) =>
      changes.flatMap(({ op, before, after }) => ((before ?? after)!.email === canary || after?.email === canary ? [op] : [])),
    )
    expect(emails).toEqual(['insert', 'update', 'update', 'update'])
    expect(replica.rows('customers').filter(({ email }) => email === canary)).toHaveLength(1)
  })

  test('plants dirty rows among mostly clean ones', () => {
    const rows = run({ ...small, customers: 1_000, orders: 0 }).replica.rows('customers')
    const dirty = rows.filter(
      ({ email, country }) => !/^ ?[^@ ]+@[^@ ]+$/.test(String(email)) || /Atlantis|XX|Germny|Narnia|ZZZ/.test(String(country)),
    )
    expect(dirty.length).toBeGreaterThan(3)
    expect(dirty.length).toBeLessThan(50)
  })

  test('sells most to few and by day rather than night', () => {
    const { replica } = run({ ...small, orders: 1_000 })
    const perProduct = [...Map.groupBy(replica.rows('order_items'), ({ product_id }) => product_id).values()].map(
      ({ length }) => length,
    )
    const sorted = perProduct.sort((a, b) => b - a)
    const sum = (counts: number[]) => counts.reduce((total, each) => total + each, 0)
    expect(sum(sorted.slice(0, Math.ceil(sorted.length / 5)))).toBeGreaterThan(sum(sorted) * 0.4)
    const hours = replica.rows('orders').map(({ placed_at }) => Number(String(placed_at).slice(11, 13)))
    expect(hours.filter(hour => hour < 6).length * 3).toBeLessThan(hours.filter(hour => hour >= 16 && hour < 22).length)
  })

  test('goes on with a shop that is there already', () => {
    const { replica, history } = run(small)
    const ids = Object.fromEntries(
      [...replica.tables].map(([name, rows]) => [name, Math.max(0, ...[...rows.values()].map(({ id }) => Number(id ?? 0)))]),
    )
    const from = {
      ids,
      sellers: replica.rows('sellers'),
      products: replica.rows('products'),
      customers: replica.rows('customers'),
    }
    const more = [...transactions({ ...small, start: history.at(-1)!.at, from })]
    for (const transaction of more) replica.apply(transaction)
    expect(replica.rows('orders').length).toBeGreaterThan(700)
    const old = new Set(from.customers.map(({ id }) => id))
    expect(
      more.some(({ changes }) =>
        changes.some(({ table, op, before }) => table === 'customers' && op === 'update' && old.has(before!.id!)),
      ),
    ).toBe(true)
    expect(more.some(({ changes }) => changes.some(({ table }) => table === 'sellers'))).toBe(true)
  })

  test('never ends with endless orders, and says when its clock does', () => {
    const endless = transactions({ ...small, orders: Number.POSITIVE_INFINITY, ordersPerDay: 5_000 })
    expect(endless.take(5_000).toArray()).toHaveLength(5_000)
    const late = transactions({ ...small, start: new Date('2037-12-20T00:00:00Z') })
    expect(() => [...late]).toThrow(expect.objectContaining({ code: 'SHOP_CLOCK_END' }))
  })

  test('refuses orders without customers, and odd numbers', () => {
    for (const bad of [{ customers: 0 }, { seed: -1 }, { orders: 1.5 }, { start: new Date('x') }]) {
      expect(() => transactions({ ...small, ...bad }).next()).toThrow(RangeError)
    }
  })
})

/** Microseconds from the first to the fifth add, for every five adds in a row. */
function fiveAdds(rows: Row[]): number[] {
  const times = rows.map(({ occurred_at }) => microsOf(String(occurred_at))).sort((a, b) => a - b)
  return times.slice(4).map((time, index) => time - times[index]!)
}
