// What an open order amounts to, and the small steps its rows take.
// Guarantee: the rows in an Order are those of the database after the transaction being made.
import { centsOf } from './money.ts'
import type { Change } from './transaction.ts'
import { type Order, update, type World } from './world.ts'

/** Cents: the lines at the price they were bought for. */
export function goodsOf(order: Order): number {
  return order.items.reduce((sum, { quantity, unit_price }) => sum + Number(quantity) * centsOf(String(unit_price)), 0)
}

/** Cents: goods - discount + shipping + tax. */
export function totalOf(order: Order): number {
  const { discount, shipping, tax } = order.row
  return goodsOf(order) - centsOf(String(discount)) + centsOf(String(shipping)) + centsOf(String(tax))
}

/** Per cent of the goods, as it was granted at the checkout. */
export function discountRate(order: Order): number {
  return Math.round((100 * centsOf(String(order.row.discount))) / goodsOf(order))
}

export function setStatus(
  world: World,
  order: Order,
  status: 'paid' | 'shipped' | 'delivered' | 'cancelled' | 'returned',
): Change {
  const changed = update(world, 'orders', { before: order.row, columns: { status } })
  order.row = changed.after
  return changed
}

/** Changes columns of the order's last payment. */
export function setPayment(
  world: World,
  order: Order,
  columns: { status?: 'captured' | 'failed' | 'refunded'; amount?: string },
): Change {
  const last = order.payments.length - 1
  const changed = update(world, 'payments', { before: order.payments[last]!, columns })
  order.payments[last] = changed.after
  return changed
}
