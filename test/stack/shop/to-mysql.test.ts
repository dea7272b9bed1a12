// Writing to a real MySQL: what happens when the server hangs up, when somebody else holds a row, and when we are asked to stop.
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { generate } from '../../../shop/generate.ts'
import { openShopDatabase } from '../../../shop/mysql-shop.ts'
import { transactions } from '../../../shop/simulate.ts'
import { shopTables } from '../../../shop/tables.ts'
import { toMysql } from '../../../shop/to-mysql.ts'
import type { Row } from '../../../shop/transaction.ts'
import { Replica } from '../../unit/shop/replica.ts'
import { openStack, type ShopStack } from './stack.ts'

let stack: ShopStack
beforeAll(async () => {
  stack = await openStack()
})
afterAll(() => stack?.close())

const options = { seed: 21, customers: 80, orders: 200, days: 60, start: new Date('2025-01-01T00:00:00Z') }

async function rowsOf(url: string, table: string): Promise<Row[]> {
  const connection = await openShopDatabase(url)
  try {
    const key = table === 'order_items' ? 'order_id, line_no' : 'id'
    const [rows] = await connection.query<RowDataPacket[]>(`SELECT * FROM ${table} ORDER BY ${key}`)
    return rows as Row[]
  } finally {
    await connection.end()
  }
}

test('the server holds exactly what the simulation says', async () => {
  const url = await stack.ownDatabase('shop_exact')
  const replica = new Replica()
  for (const transaction of transactions(options)) replica.apply(transaction)
  const connection = await openShopDatabase(url)
  const summary = await toMysql(transactions(options), connection, { rate: 0, signal: new AbortController().signal })
  await connection.end()
  expect(summary.seconds).toBeGreaterThan(0)
  for (const { name, primaryKey } of shopTables) {
    const order = (a: Row, b: Row) => primaryKey.reduce((so, key) => so || Number(a[key]) - Number(b[key]), 0)
    expect((await rowsOf(url, name)).map(row => ({ ...row }))).toEqual(replica.rows(name).sort(order))
  }
})

test('an abort leaves whole transactions, and generate goes on from there', async () => {
  const mysqlUrl = await stack.ownDatabase('shop_abort')
  const abort = new AbortController()
  const asked = { ...options, rate: 0 }
  const first = await generate({ mysqlUrl }, asked, { signal: abort.signal, onProgress: () => abort.abort() })
  expect(first.transactions).toBe(100)
  const second = await generate({ mysqlUrl }, asked)
  expect(second.rows.orders!.insert).toBe(200)
  const placed = (first.rows.orders?.insert ?? 0) + 200 - second.rows.orders!.delete
  expect(await rowsOf(mysqlUrl, 'orders')).toHaveLength(placed)
})

test('a lost connection and a held row are errors with a code, without a row in them', async () => {
  const url = await stack.ownDatabase('shop_faults')
  const writer = await openShopDatabase(url)
  const { signal } = new AbortController()
  const all = [...transactions(options)]
  await toMysql(all.slice(0, 50), writer, { rate: 0, signal })

  const other = await createConnection(url)
  await other.query('BEGIN')
  await other.query('SELECT * FROM customers FOR UPDATE')
  await writer.query('SET SESSION innodb_lock_wait_timeout = 1')
  await expect(toMysql(all.slice(50), writer, { rate: 0, signal })).rejects.toMatchObject({
    code: 'SHOP_MYSQL_BUSY',
    retryable: true,
    reason: 'ER_LOCK_WAIT_TIMEOUT',
  })
  await other.query('ROLLBACK')

  const [[me]] = await writer.query<RowDataPacket[]>('SELECT CONNECTION_ID() AS id')
  await other.query(`KILL ${me!.id}`)
  await expect(toMysql(all.slice(50), writer, { rate: 0, signal })).rejects.toMatchObject({
    code: 'SHOP_MYSQL_LOST',
    retryable: true,
  })
  await other.end()

  const twice = await openShopDatabase(url)
  const refused = await toMysql(all.slice(0, 1), twice, { rate: 0, signal }).catch(error => error)
  expect(refused).toMatchObject({ code: 'SHOP_MYSQL_REFUSED', retryable: false, reason: 'ER_DUP_ENTRY' })
  expect(refused.message).not.toContain(String(all[0]!.changes[0]!.after!.email))
  await twice.end()
})

test('a user without rights is told so', async () => {
  const url = new URL(await stack.ownDatabase('shop_rights'))
  url.pathname = '/mysql'
  await expect(openShopDatabase(url.href)).rejects.toMatchObject({ code: 'SHOP_MYSQL_ACCESS' })
})
