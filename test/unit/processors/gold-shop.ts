// A small shop in memory, its silver tables in a lake, and the gold figures recomputed without SQL.

import { commit } from '../../../lake/commit.ts'
import type { Duck } from '../../../lake/duckdb.ts'
import type { Lakehouse } from '../../../lake/lakehouse.ts'
import { type DeltaType, duckType, field } from '../../../lake/schema.ts'
import { id, join, type SqlValue, sql, trusted } from '../../../lake/sql.ts'
import { writeFile } from '../../../lake/write.ts'

export interface Order {
  id: number
  customer_id: number
  status: string
  currency: string
  discount: number
  placed_at: string
}
export interface Item {
  order_id: number
  line_no: number
  product_id: number
  quantity: number
  unit_price: number
}
export interface Reason {
  id: number
  order_id: number
  kind: string
  amount: number
  created_at: string
}
export interface Version {
  id: number
  category: string
  _op: string
  _seq: number
  _valid_from: string
}
/** Money in cents, instants as ISO text in UTC. */
export interface Shop {
  customers: { id: number }[]
  orders: Order[]
  order_items: Item[]
  reasons: Reason[]
  products_history: Version[]
}

const money: DeltaType = 'decimal(12,2)'
const schemas: { [Table in keyof Shop]: Record<keyof Shop[Table][number], DeltaType> } = {
  customers: { id: 'integer' },
  orders: {
    id: 'integer',
    customer_id: 'integer',
    status: 'string',
    currency: 'string',
    discount: money,
    placed_at: 'timestamp',
  },
  order_items: { order_id: 'integer', line_no: 'integer', product_id: 'integer', quantity: 'integer', unit_price: money },
  reasons: { id: 'integer', order_id: 'integer', kind: 'string', amount: money, created_at: 'timestamp' },
  products_history: { id: 'integer', category: 'string', _op: 'string', _seq: 'long', _valid_from: 'timestamp' },
}
export const tableNames = Object.keys(schemas) as (keyof Shop)[]

/** Replaces silver's tables by these rows. */
export async function writeSilver(
  duck: Duck,
  lake: Lakehouse,
  shop: Shop,
  tables: readonly (keyof Shop)[] = tableNames,
): Promise<void> {
  for (const name of tables) {
    const columns = Object.entries(schemas[name]) as [string, DeltaType][]
    const path = `silver/shop/${name}`
    const fields = columns.map(([column, type]) => field(column, type))
    const rows = shop[name].map(row => {
      const values = columns.map(([column, type]) => {
        const value = (row as unknown as Record<string, SqlValue>)[column]!
        return sql`(${type === money ? (Number(value) / 100).toFixed(2) : value})::${trusted(duckType(type))} AS ${id(column)}`
      })
      return sql`SELECT ${join(values)}`
    })
    const add = rows.length
      ? await writeFile(duck, lake.table(path), { select: sql`${join(rows, ' UNION ALL ')}`, fields })
      : undefined
    const configuration = { 'cdc.primaryKey': JSON.stringify(['id']) }
    const base = await lake.current(path)
    lake.committed(
      path,
      await commit(lake.table(path), {
        base,
        mode: 'overwrite',
        operation: 'TEST',
        metaData: { fields, configuration },
        adds: add ? [add] : [],
      }),
    )
  }
}

const sold = ['paid', 'shipped', 'delivered', 'returned']
const completed = ['paid', 'shipped', 'delivered']
const berlin = new Intl.DateTimeFormat('en-CA', { timeZone: 'Europe/Berlin' })
const dayOf = (instant: string) => berlin.format(new Date(instant))
const euros = (cents: number) => (cents / 100).toFixed(2)
const total = (values: number[]) => values.reduce((sum, value) => sum + value, 0)
const goods = (items: Item[]) => total(items.map(item => item.quantity * item.unit_price))

/** gold.daily_sales as JSON rows. */
export function dailySales({ orders, order_items, reasons }: Shop): object[] {
  if (orders.length === 0) return []
  const byId = new Map(orders.map(order => [order.id, order]))
  const events = [
    ...orders.map(order => order.placed_at),
    ...reasons.filter(reason => byId.has(reason.order_id)).map(reason => reason.created_at),
  ]
  const days = events.map(dayOf).sort()
  const first = orders.map(order => dayOf(order.placed_at)).sort()[0]!
  const rows: object[] = []
  for (let at = Date.parse(first); at <= Date.parse(days.at(-1)!); at += 86_400_000) {
    const day = new Date(at).toISOString().slice(0, 10)
    for (const currency of [...new Set(orders.map(order => order.currency))].sort()) {
      const counted = orders.filter(order => sold.includes(order.status) && order.currency === currency)
      const today = counted.filter(order => dayOf(order.placed_at) === day)
      const items = order_items.filter(item => today.some(order => order.id === item.order_id))
      const back = reasons.filter(
        reason =>
          ['return', 'refund'].includes(reason.kind) &&
          dayOf(reason.created_at) === day &&
          counted.some(order => order.id === reason.order_id),
      )
      const [gross, discounts, returns] = [
        goods(items),
        total(today.map(order => order.discount)),
        total(back.map(reason => reason.amount)),
      ]
      rows.push({
        day,
        currency,
        orders: String(today.length),
        units: String(total(items.map(item => item.quantity))),
        gross: euros(gross),
        discounts: euros(discounts),
        returns: euros(returns),
        net: euros(gross - discounts - returns),
      })
    }
  }
  return rows
}

/** gold.revenue_by_category as JSON rows. */
export function revenueByCategory({ orders, order_items, products_history }: Shop): object[] {
  const groups = new Map<string, { key: (string | null)[]; items: Item[] }>()
  for (const item of order_items) {
    const order = orders.find(({ id: orderId }) => orderId === item.order_id)
    if (!order || !sold.includes(order.status)) continue
    const versions = products_history
      .filter(version => version.id === item.product_id && version._op !== 'd')
      .filter((version, i, all) => version._valid_from !== all[i + 1]?._valid_from)
    const then = versions.filter(version => version._valid_from <= order.placed_at).at(-1)
    const key = [
      dayOf(order.placed_at),
      order.currency,
      (then ?? versions[0])?.category ?? null,
      versions.at(-1)?.category ?? null,
    ]
    const group = groups.get(JSON.stringify(key)) ?? { key, items: [] }
    group.items.push(item)
    groups.set(JSON.stringify(key), group)
  }
  return [...groups.values()].map(({ key: [day, currency, before, now], items }) => ({
    day,
    currency,
    category_at_order: before,
    category_now: now,
    lines: String(items.length),
    units: String(total(items.map(item => item.quantity))),
    revenue: euros(goods(items)),
  }))
}

/** gold.customer_rfm as JSON rows. */
export function customerRfm({ customers, orders, order_items, reasons }: Shop): object[] {
  const asOf = orders
    .map(order => order.placed_at)
    .sort()
    .at(-1)
  const scored = customers.flatMap(({ id: customer_id }) => {
    const own = orders.filter(
      order => order.customer_id === customer_id && completed.includes(order.status) && order.currency === 'EUR',
    )
    if (own.length === 0) return []
    const of = (order: Order) => (row: { order_id: number }) => row.order_id === order.id
    const spend = own.map(order => {
      const back = reasons.filter(reason => of(order)(reason) && ['return', 'refund'].includes(reason.kind))
      return goods(order_items.filter(of(order))) - order.discount - total(back.map(reason => reason.amount))
    })
    return [
      {
        customer_id,
        last: own
          .map(order => order.placed_at)
          .sort()
          .at(-1)!,
        orders: own.length,
        spend: total(spend),
      },
    ]
  })
  const tile = (better: (a: (typeof scored)[0], b: (typeof scored)[0]) => number) => {
    const ranked = [...scored].sort((a, b) => better(a, b) || a.customer_id - b.customer_id)
    const [size, larger] = [Math.floor(ranked.length / 5), ranked.length % 5]
    const edge = larger * (size + 1)
    return new Map(
      ranked.map(({ customer_id }, i) => [
        customer_id,
        1 + (i < edge ? Math.floor(i / (size + 1)) : larger + Math.floor((i - edge) / size)),
      ]),
    )
  }
  const recency = tile((a, b) => (a.last < b.last ? -1 : a.last > b.last ? 1 : 0))
  const frequency = tile((a, b) => a.orders - b.orders)
  const monetary = tile((a, b) => a.spend - b.spend)
  return scored.map(({ customer_id, last, orders: count, spend }) => {
    const scores = [recency, frequency, monetary].map(scoring => scoring.get(customer_id)!)
    const sum = total(scores)
    return {
      customer_id,
      as_of: timestamp(asOf!),
      last_order_at: timestamp(last),
      recency_days: String((Date.parse(dayOf(asOf!)) - Date.parse(dayOf(last))) / 86_400_000),
      orders: String(count),
      net_spend: euros(spend),
      recency_score: scores[0],
      frequency_score: scores[1],
      monetary_score: scores[2],
      segment: sum >= 13 ? 'VIP' : sum >= 10 ? 'Gold' : sum >= 7 ? 'Silver' : 'Bronze',
    }
  })
}

/** As DuckDB prints an instant in UTC. */
function timestamp(instant: string): string {
  return `${instant.replace('T', ' ').replace(/\.?0*Z$/, '')}+00`
}
