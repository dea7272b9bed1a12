// Makes the shop's data: one entry for the command line, whatever the target.
// Guarantee: run again, it goes on where the target stands; the same seed on an empty target gives the same data.
import type { RowDataPacket } from 'mysql2'
import type { Connection } from 'mysql2/promise'
import { writeCustomersFile } from './customers-file.ts'
import { EmbeddedShop } from './embedded-shop.ts'
import { readExistingEmbedded } from './existing-embedded.ts'
import { openShopDatabase, readExisting } from './mysql-shop.ts'
import { type Existing, type ExistingShop, type SimulationOptions, transactions } from './simulate.ts'
import { storedRows } from './stored-rows.ts'
import type { OnProgress, Summary } from './summary.ts'
import { toEmbedded } from './to-embedded.ts'
import { toMysql } from './to-mysql.ts'
import type { Row, ShopTransaction } from './transaction.ts'

/** A server's `mysql://user:password@host:port/database`, or the embedded log's folder with its topic prefix (`shop`). */
export type Target = { mysqlUrl: string } | { embedded: string; topicPrefix?: string }

export interface GenerateOptions {
  seed: number
  customers: number
  /** Ignored with `forMs`. */
  orders: number
  /** Transactions a second, 0 = as fast as possible. */
  rate: number
  /** Go on for this many milliseconds instead of for a number of orders. */
  forMs?: number
  /** An e-mail address to give to one customer, unless somebody has it already. */
  canary?: string
  /** Where to write the customers file, when all is done. */
  customersFile?: string
  /** Where the clock of an empty shop starts; 2025-01-01 by default. */
  start?: Date
  /** Days the orders are spread over. */
  days?: number
}

export interface GenerateSummary extends Summary {
  /** Customers in the customers file. */
  customersWritten?: number
}

const defaultStart = new Date('2025-01-01T00:00:00Z')

/** Ends early, and cleanly, when the signal aborts. Throws ShopMysqlError, EmbeddedLogError, ShopClockError, RangeError. */
export async function generate(
  target: Target,
  options: GenerateOptions,
  { signal = new AbortController().signal, onProgress }: { signal?: AbortSignal; onProgress?: OnProgress } = {},
): Promise<GenerateSummary> {
  const { rate, forMs, canary } = options
  const write = { rate, signal, ...(forMs === undefined ? {} : { forMs }), ...(onProgress ? { onProgress } : {}) }
  if ('mysqlUrl' in target) {
    const connection = await openShopDatabase(target.mysqlUrl)
    try {
      const found = await readExisting(connection)
      const source = simulation(options, { found, canaryTaken: await somebodyHas(customersOf(connection), canary) })
      return await withCustomersFile(await toMysql(source, connection, write), options, customersOf(connection))
    } finally {
      await connection.end().catch(() => {})
    }
  }
  const { embedded, topicPrefix } = target
  await using shop = await EmbeddedShop.open(embedded, topicPrefix === undefined ? {} : { topicPrefix })
  const customers = () => storedRows(embedded, 'customers')
  const source = simulation(options, {
    found: await readExistingEmbedded(shop),
    canaryTaken: await somebodyHas(customers(), canary),
  })
  return await withCustomersFile(await toEmbedded(source, shop, write), options, customers())
}

function simulation(
  { seed, customers, orders, forMs, days, canary, start = defaultStart }: GenerateOptions,
  { found, canaryTaken }: { found: ExistingShop; canaryTaken: boolean },
): Iterable<ShopTransaction> {
  const simulated: SimulationOptions = {
    seed,
    customers,
    orders: forMs === undefined ? orders : Number.POSITIVE_INFINITY,
    start: found.lastChange === undefined ? start : new Date(found.lastChange + 1),
    from: canary === undefined ? found : without(found, canary),
  }
  if (days !== undefined) simulated.days = days
  if (canary !== undefined && !canaryTaken) simulated.canary = canary
  return transactions(simulated)
}

/** The customer with the canary address is left alone, so that the address stays. */
function without(found: Existing, canary: string): Existing {
  return { ...found, customers: found.customers.filter(({ email }) => email !== canary) }
}

async function somebodyHas(customers: AsyncIterable<Row>, email: string | undefined): Promise<boolean> {
  if (email === undefined) return false
  for await (const row of customers) if (row.email === email) return true
  return false
}

async function withCustomersFile(
  summary: Summary,
  { customersFile }: GenerateOptions,
  customers: AsyncIterable<Row>,
): Promise<GenerateSummary> {
  if (customersFile === undefined) return summary
  return { ...summary, customersWritten: await writeCustomersFile(customersFile, customers) }
}

/** By id, some thousands at a time. */
async function* customersOf(connection: Connection): AsyncGenerator<Row, void, undefined> {
  let last = 0
  for (;;) {
    const [rows] = await connection.query<RowDataPacket[]>('SELECT * FROM customers WHERE id > ? ORDER BY id LIMIT 5000', [last])
    if (rows.length === 0) return
    yield* rows as Row[]
    last = Number(rows.at(-1)!.id)
  }
}
