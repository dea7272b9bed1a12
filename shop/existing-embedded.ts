// What the embedded shop holds already, as the simulation needs it to go on.
import type { EmbeddedShop } from './embedded-shop.ts'
import { customerLimit, type ExistingShop } from './simulate.ts'
import { storedRows } from './stored-rows.ts'
import type { Row } from './transaction.ts'

export async function readExistingEmbedded(shop: EmbeddedShop): Promise<ExistingShop> {
  return {
    ids: shop.ids,
    sellers: await first(shop.dir, 'sellers'),
    products: await first(shop.dir, 'products'),
    customers: await first(shop.dir, 'customers', customerLimit),
    lastChange: shop.lastChange,
  }
}

/** The rows with the lowest ids; never more than twice as many in memory. */
async function first(dir: string, table: string, limit = Number.POSITIVE_INFINITY): Promise<Row[]> {
  let rows: Row[] = []
  for await (const row of storedRows(dir, table)) {
    rows.push(row)
    if (rows.length >= 2 * limit) rows = byId(rows).slice(0, limit)
  }
  return byId(rows).slice(0, limit)
}

function byId(rows: Row[]): Row[] {
  return rows.sort((a, b) => Number(a.id) - Number(b.id))
}
