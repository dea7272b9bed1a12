// The state a running simulation keeps: who is there, what is for sale, what is still to happen.
// Guarantee: it holds open business only; a settled order or a customer long gone costs nothing.
import { type Agenda, createAgenda } from './agenda.ts'
import type { Country } from './countries.ts'
import { type NamePool, namePools } from './countries.ts'
import { createRandom, type Random } from './random.ts'
import { shopTables, type TableName } from './tables.ts'
import { day, timeText } from './time.ts'
import type { Change, Insert, Row, Update } from './transaction.ts'

/** Runs at its time and returns the changes of one transaction, or nothing. */
export type Task = () => readonly Change[] | undefined

export interface Customer {
  readonly id: number
  /** The row as it stands, for the customers whose details may still change. */
  row: Row | undefined
  /** Visits and orders under way: a customer is deleted only when there are none. */
  busy: number
  gone: boolean
  /** Everything that refers to the customer, kept only for those who will ask to be deleted. */
  readonly traces: Traces | undefined
}

export interface Traces {
  readonly orders: Order[]
  readonly cartEvents: Row[]
  readonly touches: Row[]
}

export interface Product {
  row: Row
  /** Units sold since the last stock count. */
  sold: number
}

/** An order and all that hangs on it, as the rows stand. */
export interface Order {
  readonly customer: Customer
  row: Row
  items: Row[]
  readonly payments: Row[]
  readonly reasons: Row[]
}

export interface World {
  readonly random: Random
  readonly names: (country: Country) => NamePool
  readonly agenda: Agenda<Task>
  /** The last id given out, by table. */
  readonly ids: Record<TableName, number>
  /** The shop's clock, microseconds. */
  now: number
  /** Length of the time simulated, microseconds: business that recurs is spread over it. */
  readonly span: number
  readonly sellers: { row: Row }[]
  /** The popular ones first. */
  readonly products: Product[]
  /** In the order they signed up; the first are the most faithful. */
  readonly customers: Customer[]
  /** Customers whose row is at hand. */
  readonly profiles: Customer[]
  /** Carts so far. */
  carts: number
}

export interface WorldOptions {
  seed: number
  /** Microseconds. */
  start: number
  /** Microseconds. */
  span: number
  /** Last ids already in use, by table. */
  ids?: Partial<Record<TableName, number>>
}

export function createWorld({ seed, start, span, ids = {} }: WorldOptions): World {
  const used = shopTables.map(({ name }) => [name, ids[name as TableName] ?? 0])
  return {
    random: createRandom(seed),
    names: namePools(seed),
    agenda: createAgenda(),
    ids: Object.fromEntries(used) as Record<TableName, number>,
    now: start,
    span: Math.max(span, day),
    sellers: [],
    products: [],
    customers: [],
    profiles: [],
    carts: 0,
  }
}

export function later(world: World, wait: number, task: Task): void {
  world.agenda.add(world.now + Math.max(1, Math.floor(wait)), task)
}

export function nextId(world: World, table: TableName): number {
  world.ids[table]++
  return world.ids[table]
}

/** An insert stamped with the shop's clock. */
export function insert(world: World, table: TableName, columns: Row): Insert {
  const stamp = timeText(world.now)
  return { table, op: 'insert', after: { ...columns, created_at: stamp, updated_at: stamp } }
}

/** An update of some columns; `updated_at` moves with it. */
export function update(world: World, table: TableName, { before, columns }: { before: Row; columns: Row }): Update {
  return { table, op: 'update', before, after: { ...before, ...columns, updated_at: timeText(world.now) } }
}
