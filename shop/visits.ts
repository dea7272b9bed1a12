// A visit: a touch, things put into the cart and taken out again, and for buyers the way to the checkout.
// Guarantee: every 60th cart is a burst the fraud rule must catch (5 adds in less than 5 s), and as many only just are not.
import { pickProduct } from './catalogue.ts'
import { placeOrder } from './orders.ts'
import { touch } from './people.ts'
import { hour, minute, second, timeText } from './time.ts'
import type { Change } from './transaction.ts'
import { type Customer, insert, later, nextId, type Product, type World } from './world.ts'

/** Units by product. */
export type Cart = Map<Product, number>

interface Session {
  customer: Customer
  id: string
  cart: Cart
}

/** Starts a visit; with `buying` it ends at the checkout. Returns the first transaction: the touch. */
export function visit(world: World, customer: Customer, { buying }: { buying: boolean }): Change[] | undefined {
  const { random } = world
  customer.busy++
  const session: Session = { customer, id: random.uuid(), cart: new Map() }
  const adds = buying ? lineCount(random.next()) : random.int(0, 3)
  const script = adds > 0 ? scripted(world) : undefined
  let wait = script ? addByScript(world, session, script) : 0
  for (let n = script ? 0 : adds; n > 0; n--) {
    wait += 8 * second + random.exponential(40 * second)
    later(world, wait, () => add(world, session))
    // Some change their mind, but a buyer keeps at least one thing.
    if (random.chance(0.12))
      later(world, wait + 5 * second + random.next() * minute, () => remove(world, session, buying ? 1 : 0))
  }
  later(world, wait + 90 * second + random.exponential(2 * minute), () => {
    customer.busy--
    return buying ? placeOrder(world, customer, session.cart) : undefined
  })
  return random.chance(0.8) ? [touch(world, customer, world.now)] : undefined
}

/** 1 to 8 lines, most orders having few. */
function lineCount(chance: number): number {
  return 1 + Math.floor(8 * chance ** 2.2)
}

interface Script {
  adds: number
  /** Microseconds from one add to the next. */
  gap: number
}

/** Is a script at work in the next cart? 5 adds take less than 5 s, or 5 s and a little more. */
function scripted(world: World): Script | undefined {
  const nth = world.carts++ % 60
  const adds = world.random.int(5, 10)
  if (nth === 10) return { adds, gap: Math.floor(world.random.next() * 1.2 * second) }
  if (nth === 40) return { adds, gap: Math.floor((1.25 + world.random.next() / 4) * second) }
  return undefined
}

/** Returns how long it takes. */
function addByScript(world: World, session: Session, { adds, gap }: Script): number {
  for (let n = 0; n < adds; n++) later(world, second + n * gap, () => add(world, session))
  return second + adds * gap
}

function add(world: World, session: Session): Change[] | undefined {
  // A cart has at most 8 lines; more of the same is welcome.
  const product = session.cart.size < 8 ? pickProduct(world) : world.random.pick([...session.cart.keys()])
  session.cart.set(product, (session.cart.get(product) ?? 0) + 1)
  const occurred = world.now
  if (!world.random.chance(0.005)) return [cartEvent(world, { session, product, action: 'add', occurred })]
  // A phone without a network: the event arrives late, its time is what it was.
  session.customer.busy++
  later(world, minute + world.random.next() * 3 * hour, () => {
    session.customer.busy--
    return [cartEvent(world, { session, product, action: 'add', occurred })]
  })
  return undefined
}

function remove(world: World, session: Session, keep: number): Change[] | undefined {
  if (session.cart.size <= keep) return undefined
  const product = world.random.pick([...session.cart.keys()])
  session.cart.delete(product)
  return [cartEvent(world, { session, product, action: 'remove', occurred: world.now })]
}

interface CartEvent {
  session: Session
  product: Product
  action: 'add' | 'remove'
  /** Microseconds. */
  occurred: number
}

function cartEvent(world: World, { session, product, action, occurred }: CartEvent): Change {
  const { customer, id } = session
  const change = insert(world, 'cart_events', {
    id: nextId(world, 'cart_events'),
    customer_id: customer.id,
    session_id: id,
    product_id: product.row.id!,
    action,
    occurred_at: timeText(occurred),
  })
  customer.traces?.cartEvents.push(change.after)
  return change
}
