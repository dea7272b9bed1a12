// The checkout: an order with its lines and its first payment attempt in one transaction, and the rare edit before it is paid.
// Guarantee: the amount of a payment is the order's total (goods - discount + shipping + tax) when it was asked for.
import { centsOf, moneyText } from './money.ts'
import { discountRate, goodsOf, setPayment, totalOf } from './order-state.ts'
import { type Attempt, attemptPayment, followUp } from './payments.ts'
import { hour, timeText } from './time.ts'
import type { Change, Row } from './transaction.ts'
import { type Customer, insert, later, nextId, type Order, type Product, update, type World } from './world.ts'

/** The cart becomes an order. Nothing happens when the cart is empty. */
export function placeOrder(world: World, customer: Customer, cart: ReadonlyMap<Product, number>): Change[] | undefined {
  if (cart.size === 0) return undefined
  customer.busy++
  const placed = insertOrder(world, customer, cart)
  const items = [...cart].map(([product, quantity], index) => {
    product.sold += quantity
    return insert(world, 'order_items', {
      order_id: placed.after.id!,
      line_no: index + 1,
      product_id: product.row.id!,
      quantity,
      unit_price: product.row.price!,
    })
  })
  const order: Order = { customer, row: placed.after, items: items.map(({ after }) => after), payments: [], reasons: [] }
  customer.traces?.orders.push(order)
  const attempt = attemptPayment(world, order)
  followUp(world, order, attempt)
  if (waitsForTransfer(attempt) && order.items.length > 1 && world.random.chance(0.3)) {
    later(world, world.random.next() * 6 * hour, () => removeLine(world, order))
  }
  return [placed, ...items, ...attempt.changes]
}

function waitsForTransfer({ payment }: Attempt): boolean {
  return payment.method === 'bank_transfer' && payment.status === 'authorised'
}

function insertOrder(world: World, customer: Customer, cart: ReadonlyMap<Product, number>) {
  const goods = [...cart].reduce((sum, [product, quantity]) => sum + quantity * centsOf(String(product.row.price)), 0)
  const rate = world.random.chance(0.2) ? world.random.int(1, 4) * 5 : 0
  return insert(world, 'orders', {
    id: nextId(world, 'orders'),
    customer_id: customer.id,
    status: 'placed',
    currency: 'EUR',
    ...charges(goods, rate),
    placed_at: timeText(world.now),
  })
}

/** Discount, shipping and tax of goods, in the order's columns. `rate` is the discount in per cent. */
function charges(goods: number, rate: number): Row {
  const discount = Math.round((goods * rate) / 100)
  const shipping = goods - discount < 5_000 ? 490 : 0
  return { discount: moneyText(discount), shipping: moneyText(shipping), tax: moneyText(Math.round((goods - discount) * 0.19)) }
}

/** The customer takes one line out of an unpaid order; the lines after it move up, which changes their primary keys. */
function removeLine(world: World, order: Order): Change[] | undefined {
  if (order.row.status !== 'placed' || order.items.length < 2) return undefined
  const index = world.random.int(0, order.items.length - 1)
  const removed = order.items[index]!
  const changes: Change[] = [{ table: 'order_items', op: 'delete', before: removed }]
  const kept = order.items.slice(0, index)
  for (const before of order.items.slice(index + 1)) {
    const moved = update(world, 'order_items', { before, columns: { line_no: Number(before.line_no) - 1 } })
    changes.push(moved)
    kept.push(moved.after)
  }
  const rate = discountRate(order)
  order.items = kept
  const changed = update(world, 'orders', { before: order.row, columns: charges(goodsOf(order), rate) })
  order.row = changed.after
  return [...changes, changed, setPayment(world, order, { amount: moneyText(totalOf(order)) })]
}
