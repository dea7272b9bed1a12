// Paying: attempts that succeed, fail, are tried again, recover by themselves, or are given up.
// Guarantee: an order is paid by exactly one captured payment; a failed attempt stays on record.
import { cancelOrder, shipLater } from './fulfilment.ts'
import { moneyText } from './money.ts'
import { setPayment, setStatus, totalOf } from './order-state.ts'
import { day, hour, minute, second, timeText } from './time.ts'
import type { Change, Row } from './transaction.ts'
import { insert, later, nextId, type Order, type World } from './world.ts'

const methods = [
  ['card', 55],
  ['paypal', 27],
  ['bank_transfer', 14],
  ['gift_card', 4],
] as const

export interface Attempt {
  payment: Row
  changes: Change[]
}

/** Asks for the order's total; a gift card pays at once, so its order is inserted and updated in one transaction. */
export function attemptPayment(world: World, order: Order): Attempt {
  const { random } = world
  const previous = order.payments.at(-1)
  const method = previous && random.chance(0.7) ? String(previous.method) : random.weighted(methods)
  const failed = random.chance(method === 'gift_card' ? 0.02 : 0.1)
  const captured = !failed && method === 'gift_card'
  const inserted = insert(world, 'payments', {
    id: nextId(world, 'payments'),
    order_id: order.row.id!,
    method,
    amount: moneyText(totalOf(order)),
    status: failed ? 'failed' : captured ? 'captured' : 'authorised',
    attempted_at: timeText(world.now - Math.floor(random.next() * second)),
  })
  order.payments.push(inserted.after)
  return { payment: inserted.after, changes: captured ? [inserted, setStatus(world, order, 'paid')] : [inserted] }
}

/** Plans what comes after an attempt. */
export function followUp(world: World, order: Order, { payment }: Attempt): void {
  if (payment.status === 'captured') shipLater(world, order)
  else if (payment.status === 'failed') afterFailure(world, order)
  else later(world, clearingTime(world, payment), () => settle(world, order))
}

/** How long money takes from authorised to captured (microseconds). */
function clearingTime({ random }: World, { method }: Row): number {
  if (method === 'bank_transfer') return day + random.exponential(day)
  return method === 'card' ? random.exponential(5 * minute) : 3 * second
}

/** An authorised payment is captured, or the bank refuses after all. */
function settle(world: World, order: Order): Change[] {
  if (world.random.chance(0.98)) return capture(world, order)
  afterFailure(world, order)
  return [setPayment(world, order, { status: 'failed' })]
}

/** The last payment is captured, and the order paid. */
function capture(world: World, order: Order): Change[] {
  shipLater(world, order)
  return [setPayment(world, order, { status: 'captured' }), setStatus(world, order, 'paid')]
}

function afterFailure(world: World, order: Order): void {
  const { random } = world
  const next =
    order.payments.length >= 4
      ? 'give up'
      : random.weighted([
          ['soon', 60],
          ['later', 18],
          ['recover', 7],
          ['give up', 15],
        ] as const)
  if (next === 'give up') {
    later(world, day + random.exponential(day), () => cancelOrder(world, order, 'Payment failed'))
    return
  }
  if (next === 'recover') {
    // The bank reports success belatedly: the failed attempt itself becomes captured.
    later(world, random.exponential(4 * hour), () => capture(world, order))
    return
  }
  const wait = next === 'soon' ? 20 * second + random.exponential(3 * minute) : hour + random.exponential(20 * hour)
  later(world, wait, () => {
    const attempt = attemptPayment(world, order)
    followUp(world, order, attempt)
    return attempt.changes
  })
}
