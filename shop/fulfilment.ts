// From paid to the end: shipping, delivery, cancellations, returns and refunds with their reasons.
// Guarantee: an order's status only ever moves placed → paid → shipped → delivered → returned, or from placed or paid to cancelled.
import { centsOf, moneyText } from './money.ts'
import { goodsOf, setPayment, setStatus, totalOf } from './order-state.ts'
import { workingTime } from './rhythm.ts'
import { day, hour } from './time.ts'
import type { Change, Row, Value } from './transaction.ts'
import { insert, later, nextId, type Order, update, type World } from './world.ts'

const returnReasons = [
  'Wrong size',
  'Damaged on arrival',
  'Not as described',
  'Changed my mind',
  'Arrived too late',
  'Wrong item sent',
]
const refundReasons = ['Damaged on arrival', 'Missing part', 'Late delivery', 'Price adjustment']
const cancelReasons = ['Ordered by mistake', 'Found cheaper', 'Delivery takes too long', 'Out of stock']

/** A paid order leaves the warehouse in its working hours, or is cancelled before. */
export function shipLater(world: World, order: Order): void {
  if (world.random.chance(0.025)) {
    later(world, world.random.next() * 12 * hour, () => cancelOrder(world, order, world.random.pick(cancelReasons)))
    return
  }
  const at = workingTime(world.random, world.now + 2 * hour + world.random.exponential(day))
  later(world, at - world.now, () => {
    deliverLater(world, order)
    return [setStatus(world, order, 'shipped')]
  })
}

/** Ends an order that has not been shipped; what was captured is paid back. */
export function cancelOrder(world: World, order: Order, reason: string): Change[] {
  const captured = order.payments.at(-1)!.status === 'captured'
  const changes = [setStatus(world, order, 'cancelled')]
  if (captured) changes.push(setPayment(world, order, { status: 'refunded' }))
  changes.push(
    addReason(world, order, { line_no: null, kind: 'cancel', reason, amount: moneyText(captured ? totalOf(order) : 0) }),
  )
  order.customer.busy--
  return changes
}

function deliverLater(world: World, order: Order): void {
  const at = workingTime(world.random, world.now + day + world.random.exponential(1.5 * day))
  later(world, at - world.now, () => {
    afterDelivery(world, order)
    return [setStatus(world, order, 'delivered')]
  })
}

function afterDelivery(world: World, order: Order): void {
  const { random } = world
  const next = random.next()
  if (next < 0.07) later(world, 2 * day + random.next() * 18 * day, () => returnLines(world, order))
  else if (next < 0.09) later(world, random.exponential(3 * day), () => refundLine(world, order))
  else order.customer.busy--
}

/** Some lines come back, each with a reason; when all do, the order is returned and the payment refunded. */
function returnLines(world: World, order: Order): Change[] {
  const lines = order.items.filter(() => world.random.chance(0.6))
  if (lines.length === 0) lines.push(world.random.pick(order.items))
  const changes = lines.map(line => {
    const amount = moneyText(lineValue(order, line))
    return addReason(world, order, { line_no: line.line_no!, kind: 'return', reason: world.random.pick(returnReasons), amount })
  })
  if (lines.length === order.items.length)
    changes.push(setStatus(world, order, 'returned'), setPayment(world, order, { status: 'refunded' }))
  settleReasons(world, order)
  return changes
}

/** Money back for one line that the customer keeps. */
function refundLine(world: World, order: Order): Change[] {
  const line = world.random.pick(order.items)
  const part = Math.max(1, Math.round(lineValue(order, line) * (0.1 + world.random.next() * 0.5)))
  settleReasons(world, order)
  const reason = world.random.pick(refundReasons)
  return [addReason(world, order, { line_no: line.line_no!, kind: 'refund', reason, amount: moneyText(part) })]
}

/** Now and then somebody corrects a reason the day after; else the order is settled. */
function settleReasons(world: World, order: Order): void {
  if (!world.random.chance(0.05)) {
    order.customer.busy--
    return
  }
  later(world, day, () => {
    const last = order.reasons.length - 1
    const changed = update(world, 'reasons', {
      before: order.reasons[last]!,
      columns: { reason: world.random.pick(returnReasons) },
    })
    order.reasons[last] = changed.after
    order.customer.busy--
    return [changed]
  })
}

interface Reason {
  line_no: Value
  kind: 'return' | 'refund' | 'cancel'
  reason: string
  amount: string
}

function addReason(world: World, order: Order, { line_no, kind, reason, amount }: Reason): Change {
  const id = nextId(world, 'reasons')
  const inserted = insert(world, 'reasons', { id, order_id: order.row.id!, line_no, kind, reason, amount })
  order.reasons.push(inserted.after)
  return inserted
}

/** Cents: what a line cost after its share of the discount, before tax. */
function lineValue(order: Order, line: Row): number {
  const goods = goodsOf(order)
  const share = Number(line.quantity) * centsOf(String(line.unit_price))
  return Math.round((share * (goods - centsOf(String(order.row.discount)))) / goods)
}
