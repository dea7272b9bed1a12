// Deletion on request: a customer goes, and everything that refers to the customer goes before, in one transaction.
// Guarantee: child rows are deleted before their parents, and nobody is deleted while an order is open.
import { signUp } from './people.ts'
import type { TableName } from './tables.ts'
import { day } from './time.ts'
import type { Change, Row } from './transaction.ts'
import { type Customer, later, type World } from './world.ts'

/** Plans the deletion of a customer who signed up as a leaver. */
export function leaveLater(world: World, customer: Customer): void {
  later(world, world.span * (0.05 + world.random.next() * 0.35), () => leave(world, customer))
}

function leave(world: World, customer: Customer): Change[] | undefined {
  if (customer.busy > 0) {
    later(world, 2 * day, () => leave(world, customer))
    return undefined
  }
  const row = customer.row!
  const { orders, cartEvents, touches } = customer.traces!
  customer.gone = true
  forget(world.customers, customer)
  forget(world.profiles, customer)
  // Some come back under the same e-mail address, as a new customer.
  if (world.random.chance(0.3))
    later(world, world.random.next() * 5 * day, () => signUp(world, { email: String(row.email) }).changes)
  return [
    ...deletions(
      'reasons',
      orders.flatMap(({ reasons }) => reasons),
    ),
    ...deletions(
      'payments',
      orders.flatMap(({ payments }) => payments),
    ),
    ...deletions(
      'order_items',
      orders.flatMap(({ items }) => items),
    ),
    ...deletions(
      'orders',
      orders.map(order => order.row),
    ),
    ...deletions('cart_events', cartEvents),
    ...deletions('touches', touches),
    ...deletions('customers', [row]),
  ]
}

function deletions(table: TableName, rows: readonly Row[]): Change[] {
  return rows.map(before => ({ table, op: 'delete', before }))
}

function forget(list: Customer[], customer: Customer): void {
  const index = list.indexOf(customer)
  if (index >= 0) list.splice(index, 1)
}
