// The reference shop at work: one generator of transactions, which writers apply to MySQL or to the embedded log.
// Guarantee: the same options give the same transactions, and every foreign key holds after each of their changes.
import {
  catalogueSize,
  changeActive,
  changeCategory,
  changePrice,
  changeRating,
  countStock,
  newProduct,
  openSeller,
} from './catalogue.ts'
import { leaveLater } from './departures.ts'
import { changeCustomer, changeDetails, newAddress, signUp } from './people.ts'
import { nextArrival } from './rhythm.ts'
import type { TableName } from './tables.ts'
import { day, hour, minute, second } from './time.ts'
import type { Change, Row, ShopTransaction } from './transaction.ts'
import { visit } from './visits.ts'
import { type Customer, createWorld, later, type Task, type World } from './world.ts'

export interface SimulationOptions {
  seed: number
  /** Sign-ups. */
  customers: number
  /** Orders that reach the checkout; Infinity goes on for ever, signing customers up at the rate of `customers` in `days`. */
  orders: number
  /** Where the shop's clock starts. */
  start: Date
  /** The time the orders are spread over; one order in 40 makes a day by default, within 90 to 365. */
  days?: number
  /** Orders a day when `orders` is Infinity. */
  ordersPerDay?: number
  /** What the database holds already. */
  from?: Existing
  /** An e-mail address to give to one of the first customers; it comes up again in later updates. */
  canary?: string
}

/** A shop to go on with. Rows are as MySQL prints them, every column there. */
export interface Existing {
  /** The highest id in use, by table. */
  ids: Partial<Record<TableName, number>>
  sellers: readonly Row[]
  products: readonly Row[]
  /** Some of the customers: they go on buying, and changing their details. */
  customers: readonly Row[]
}

/** An existing shop, and where its clock stands. */
export interface ExistingShop extends Existing {
  /** When the shop's clock stood at the last change, milliseconds since 1970; undefined when the shop is empty. */
  lastChange: number | undefined
}

/** As many of the existing customers, the first ones, go on buying and changing their details. */
export const customerLimit = 20_000

/** What a shop does all the time besides selling, with how often it happens per order. */
const chores: readonly (readonly [number, (world: World) => Change[] | undefined])[] = [
  [0.05, changeDetails],
  [0.03, changePrice],
  [0.004, newProduct],
  [0.003, changeCategory],
  [0.005, changeActive],
  [0.006, changeRating],
]

/** TIMESTAMP ends in January 2038. */
const lastInstant = Date.UTC(2037, 11, 31) * 1000

/** The shop's clock has run out of the years that TIMESTAMP can hold. */
export class ShopClockError extends RangeError {
  readonly code = 'SHOP_CLOCK_END'
  readonly retryable = false
}

/** Every transaction of the shop, in order of its clock. Ends when all orders are settled. Throws RangeError, ShopClockError. */
export function* transactions(options: SimulationOptions): Generator<ShopTransaction, void, undefined> {
  const { customers, orders } = checked(options)
  const endless = orders === Number.POSITIVE_INFINITY
  const days = options.days ?? Math.min(365, Math.max(90, (endless ? 10_000 : orders) / 40))
  const world = createWorld({
    // A later run on the same shop must not repeat the first one's choices.
    seed: options.seed + (options.from?.ids.customers ?? 0) * 7919,
    start: options.start.getTime() * 1000,
    span: days * day,
    ids: options.from?.ids ?? {},
  })
  const open = options.from && options.from.products.length > 0 ? resume(world, options.from) : openShop(world, customers)
  const perDay = endless ? (options.ordersPerDay ?? 5_000) : Math.max(orders / days, 0.01)
  planSignUps(world, { first: open, count: customers, canary: options.canary, endless, days })
  planOrders(world, { first: open + 2 * hour, count: orders, perDay })
  yield* run(world)
}

function* run(world: World): Generator<ShopTransaction, void, undefined> {
  for (let entry = world.agenda.next(); entry; entry = world.agenda.next()) {
    // Commits of one instant come a microsecond apart, as a log would have them.
    world.now = Math.max(world.now + 1, entry.at)
    if (world.now > lastInstant)
      throw new ShopClockError('the shop clock reached 2038, the end of TIMESTAMP; start with an empty shop')
    const changes = entry.task()
    if (changes && changes.length > 0) yield { at: new Date(world.now / 1000), changes }
  }
}

function checked(options: SimulationOptions): SimulationOptions {
  const { seed, customers, orders, from, start } = options
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError('seed must be a whole number from 0')
  if (!Number.isSafeInteger(customers) || customers < 0) throw new RangeError('customers must be a whole number from 0')
  if (orders !== Number.POSITIVE_INFINITY && (!Number.isSafeInteger(orders) || orders < 0))
    throw new RangeError('orders must be a whole number from 0')
  if (orders > 0 && customers === 0 && !from?.customers.length) throw new RangeError('orders need customers: give at least one')
  if (Number.isNaN(start.getTime())) throw new RangeError('start is not a date')
  return options
}

/** Sellers come in with their products, half a minute apart. Returns when the shop opens. */
function openShop(world: World, customers: number): number {
  const { sellers, products } = catalogueSize(customers)
  for (let n = 0; n < sellers; n++) {
    const share = Math.floor(((n + 1) * products) / sellers) - Math.floor((n * products) / sellers)
    later(world, n * 30 * second, () => openSeller(world, share))
  }
  return world.now + sellers * 30 * second + hour
}

function resume(world: World, { sellers, products, customers }: Existing): number {
  for (const row of sellers) world.sellers.push({ row })
  for (const row of products) world.products.splice(world.random.int(0, world.products.length), 0, { row, sold: 0 })
  for (const row of customers) {
    const customer: Customer = { id: Number(row.id), row, busy: 0, gone: false, traces: undefined }
    world.customers.push(customer)
    world.profiles.push(customer)
  }
  return world.now + minute
}

interface SignUpPlan {
  first: number
  count: number
  canary: string | undefined
  endless: boolean
  days: number
}

/** A tenth signs up in the first hour, the others over the whole time. Every 80th will ask to be deleted. */
function planSignUps(world: World, { first, count, canary, endless, days }: SignUpPlan): void {
  const early = Math.min(count, Math.max(5, Math.ceil(count / 10)))
  const canaryAt = Math.min(3, count)
  const perDay = Math.max((count - early) / days, 0.01)
  let signUps = 0
  const arrive: Task = () => {
    signUps++
    if (signUps < early) later(world, hour / early, arrive)
    else if (signUps < count || endless) world.agenda.add(nextArrival(world.random, world.now, perDay), arrive)
    if (canary !== undefined && signUps === canaryAt) return plantCanary(world, canary)
    const leaver = signUps % 80 === 40
    const { customer, changes } = signUp(world, { leaver })
    if (leaver) leaveLater(world, customer)
    return changes
  }
  if (count > 0) world.agenda.add(first, arrive)
}

/** The address comes in with a sign-up, stands in both images of an update, leaves by another and comes back. */
function plantCanary(world: World, email: string): Change[] {
  const { customer, changes } = signUp(world, { email })
  const change = (part: number, columns: () => Row) =>
    later(world, world.span * part, () => [changeCustomer(world, customer, columns())])
  // Kept out of the profiles, so that no other change comes between.
  world.profiles.splice(world.profiles.indexOf(customer), 1)
  change(0.2, () => newAddress(world, customer.row!))
  change(0.4, () => ({ email: `moved${customer.id}@example.org` }))
  change(0.6, () => ({ email }))
  return changes
}

/** Orders arrive by the shop's rhythm, and with them browsing visits, chores and the nightly stock count. */
function planOrders(world: World, { first, count, perDay }: { first: number; count: number; perDay: number }): void {
  let arrived = 0
  const arrive: Task = () => {
    arrived++
    if (arrived < count) world.agenda.add(nextArrival(world.random, world.now, perDay), arrive)
    for (const [rate, chore] of chores) {
      if (world.random.chance(rate)) later(world, world.random.next() * hour, () => chore(world))
    }
    if (world.random.chance(0.6)) later(world, world.random.next() * hour, () => visit(world, visitor(world), { buying: false }))
    return visit(world, visitor(world), { buying: true })
  }
  const atNight: Task = () => {
    if (arrived < count) later(world, day, atNight)
    return countStock(world)
  }
  if (count === 0) return
  world.agenda.add(nextArrival(world.random, first, perDay), arrive)
  world.agenda.add(first - (first % day) + day + 2 * hour, atNight)
}

/** Few customers make most of the visits. */
function visitor(world: World): Customer {
  return world.customers[world.random.skewed(world.customers.length, 2)]!
}
