// Fills the shop's orders with SQL, so that Debezium publishes a wanted number of real change events: half inserts, half updates.
// Guarantee: what is there already counts, so a filled topic is filled once and kept.
import mysql from 'mysql2/promise'

const block = 1_000
const customers = 1_000

/** Brings `shop.orders` to `events` row changes in all. Returns how many were made now; every order is inserted once and updated once. */
export async function fillOrders(mysqlUrl: string, events: number, onProgress: (done: number) => void): Promise<number> {
  const connection = await mysql.createConnection({ uri: mysqlUrl, timezone: 'Z' })
  try {
    await connection.query("SET time_zone = '+00:00'")
    await connection.query(`INSERT IGNORE INTO customers (id, first_name, last_name, email, country)
      WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < ${customers})
      SELECT i, 'Ada', concat('Bench', i), concat('bench', i, '@example.com'), 'DE' FROM n`)
    const [rows] = await connection.query<mysql.RowDataPacket[]>('SELECT coalesce(max(id), 0) AS last FROM orders')
    const first = Number(rows[0]!.last) + 1
    const wanted = Math.ceil(events / 2)
    for (let id = first; id <= wanted; id += block) {
      const to = Math.min(id + block - 1, wanted)
      await insertBlock(connection, id, to)
      // One block behind, as orders are paid a while after they are placed.
      if (id > first) await payBlock(connection, id - block, id - 1)
      if (to === wanted) await payBlock(connection, id, to)
      onProgress(2 * (to - first + 1))
    }
    return Math.max(0, 2 * (wanted - first + 1))
  } finally {
    await connection.end()
  }
}

async function insertBlock(connection: mysql.Connection, from: number, to: number): Promise<void> {
  await connection.query(`INSERT INTO orders (id, customer_id, status, currency, discount, shipping, tax, placed_at)
    WITH RECURSIVE n AS (SELECT ${from} AS i UNION ALL SELECT i + 1 FROM n WHERE i < ${to})
    SELECT i, 1 + i * 7919 % ${customers}, 'placed', 'EUR', i % 20, 4.90, i * 31 % 9973 / 100, timestamp('2026-01-01') + INTERVAL i * 61 SECOND FROM n`)
}

async function payBlock(connection: mysql.Connection, from: number, to: number): Promise<void> {
  await connection.query(
    `UPDATE orders SET status = if(id % 10 = 0, 'cancelled', 'paid'), tax = tax + 0.01 WHERE id BETWEEN ${from} AND ${to}`,
  )
}
