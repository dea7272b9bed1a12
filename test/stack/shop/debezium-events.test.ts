// The embedded shop publishes what Debezium publishes: the same history through MySQL and a real connector, and without either.
// RECORD=1 writes the recording that the unit test compares with.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EmbeddedShop } from '../../../shop/embedded-shop.ts'
import { openShopDatabase, readExisting } from '../../../shop/mysql-shop.ts'
import { transactions } from '../../../shop/simulate.ts'
import { toMysql } from '../../../shop/to-mysql.ts'
import type { ShopTransaction } from '../../../shop/transaction.ts'
import { embeddedEvents } from '../../unit/shop/embedded-events.ts'
import { existing, historyDatabase, historyPrefix, streamed } from '../../unit/shop/history.ts'
import { plainEvents } from '../../unit/shop/plain-event.ts'
import { type Captured, startCapture } from './capture.ts'
import { openStack, type ShopStack } from './stack.ts'

const { signal } = new AbortController()
const recording = join(import.meta.dirname, '../../fixtures/debezium/shop.json')
let stack: ShopStack
let dir: string

beforeAll(async () => {
  stack = await openStack()
  dir = await mkdtemp(join(tmpdir(), 'binlake-shop-events-'))
})
afterAll(async () => {
  await stack?.close()
  await rm(dir, { recursive: true, force: true })
})

/** Both ways of one history, as plain events. */
async function bothWays(
  { database, prefix }: { database: string; prefix: string },
  history: { existing: readonly ShopTransaction[]; streamed: readonly ShopTransaction[] },
): Promise<{ real: Captured; embedded: ReturnType<typeof embeddedEvents> }> {
  const connection = await openShopDatabase(await stack.ownDatabase(database))
  try {
    await toMysql(history.existing, connection, { rate: 0, signal })
    const capture = await startCapture(stack, { database, prefix })
    try {
      await toMysql(history.streamed, connection, { rate: 0, signal })
      const real = await capture.events({ transactions: history.streamed.length })
      const folder = join(dir, prefix)
      const shop = await EmbeddedShop.open(folder, { topicPrefix: prefix, database })
      shop.apply(history.existing, { captured: false })
      await shop.snapshot()
      shop.apply(history.streamed)
      await shop.close()
      return { real, embedded: embeddedEvents(folder, prefix) }
    } finally {
      await capture.close()
    }
  } finally {
    await connection.end()
  }
}

/** The embedded shop's first look was at empty tables; a connector that comes later has not seen them. */
function secondLook(events: ReturnType<typeof embeddedEvents>, prefix: string): typeof events {
  const schema = events.filter(({ topic }) => topic === prefix)
  const first = new Set(schema.slice(0, schema.length / 2))
  return events.filter(event => !first.has(event))
}

test('a history of every kind of change gives the same events', async () => {
  const names = { database: historyDatabase, prefix: historyPrefix }
  const { real, embedded } = await bothWays(names, { existing, streamed })
  expect(plainEvents(secondLook(embedded, historyPrefix))).toEqual(plainEvents(real))
  if (process.env.RECORD) await writeFile(recording, `${JSON.stringify(real, null, 1)}\n`)
})

test('so does a month of the simulated shop', async () => {
  const names = { database: 'shop_month', prefix: 'month' }
  const all = [...transactions({ seed: 3, customers: 60, orders: 150, days: 30, start: new Date('2025-01-01T00:00:00Z') })]
  const { real, embedded } = await bothWays(names, { existing: all.slice(0, 300), streamed: all.slice(300) })
  const plain = plainEvents(real)
  expect(plainEvents(secondLook(embedded, 'month'))).toEqual(plain)
  expect(Object.keys(plain)).toHaveLength(11)
})

test('goes on with what MySQL holds', async () => {
  const connection = await openShopDatabase(await stack.ownDatabase('shop_again'))
  try {
    const options = { seed: 4, customers: 60, orders: 100, start: new Date('2025-01-01T00:00:00Z') }
    const first = await toMysql(transactions(options), connection, { rate: 0, signal })
    const from = await readExisting(connection)
    expect(from.ids.orders).toBe(100)
    const second = await toMysql(transactions({ ...options, start: new Date(from.lastChange!), from }), connection, {
      rate: 0,
      signal,
    })
    expect(second.rows.orders!.insert).toBe(100)
    expect(second.rows.sellers?.insert ?? 0).toBe(0)
    const [rows] = await connection.query('SELECT COUNT(*) AS n FROM customers')
    const inserted = first.rows.customers!.insert + second.rows.customers!.insert
    const deleted = first.rows.customers!.delete + second.rows.customers!.delete
    expect(rows).toEqual([{ n: inserted - deleted }])
  } finally {
    await connection.end()
  }
})
