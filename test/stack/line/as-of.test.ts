// Time travel on real servers: transactions on MySQL, their GTIDs, binlog positions and the tables' contents noted; the lake must show each again.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openShopLine, type ShopLine } from './shop-line.ts'

interface Mark {
  what: string
  executed: string
  position: string
  state: string[]
}

const marks: Mark[] = []
let line: ShopLine
let mysql: Connection
let folder: string

/** The same rows from MySQL and from the lake. */
const state = (zone: string) => `
  SELECT concat('product ', id, ' ', name, ' ', stock, ' ', price) AS r FROM ${zone}products
  UNION ALL SELECT concat('seller ', id, ' ', country) FROM ${zone}sellers
  UNION ALL SELECT concat('touch ', id, ' ', channel) FROM ${zone}touches`

async function note(what: string): Promise<void> {
  const [[status]] = await mysql.query<RowDataPacket[]>('SHOW BINARY LOG STATUS')
  const [[gtids]] = await mysql.query<RowDataPacket[]>('SELECT @@gtid_executed AS executed')
  const [rows] = await mysql.query<RowDataPacket[]>(state(''))
  marks.push({
    what,
    executed: gtids!.executed.replaceAll('\n', ''),
    position: `${status!.File}:${status!.Position}`,
    state: rows.map(({ r }) => r as string).sort(),
  })
}

async function transaction(what: string, ...statements: string[]): Promise<void> {
  await mysql.beginTransaction()
  for (const statement of statements) await mysql.query(statement)
  await mysql.commit()
  await note(what)
}

async function statement(what: string, text: string): Promise<void> {
  await mysql.query(text)
  await note(what)
}

async function asOf(point: string, query: string): Promise<string[]> {
  const { code, stdout, stderr } = await line.binlake('sql', query, '--json', '--as-of', point)
  expect(stderr).toContain('as of')
  expect(code, stderr).toBe(0)
  return (JSON.parse(stdout) as { r: string }[]).map(({ r }) => r).sort()
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'binlake-as-of-'))
  line = await openShopLine({
    async before(mysqlUrl) {
      mysql = await createConnection(mysqlUrl)
      await mysql.query(
        "INSERT INTO sellers (id, name, email, country) VALUES (1, 'One', 'one@shop.example', 'France'), (2, 'Two', 'two@shop.example', 'Spain')",
      )
      await mysql.query(
        "INSERT INTO products (id, seller_id, name, category, price, stock) VALUES (1, 1, 'lamp', 'home', 10, 5), (2, 1, 'desk', 'home', 90.5, 2), (3, 2, 'chair', 'home', 40, 7)",
      )
      await mysql.query("INSERT INTO customers (id, first_name, last_name, email) VALUES (1, 'A', 'B', 'a.b@people.example')")
    },
  })
})
afterAll(async () => {
  await mysql?.end()
  await line?.close()
  await rm(folder, { recursive: true, force: true })
})

const touch = (id: number, channel: string) =>
  `INSERT INTO touches (id, customer_id, channel, occurred_at) VALUES (${id}, 1, '${channel}', '2026-01-01')`

test('every transaction of MySQL can be seen again, by GTID, GTID set and binlog position', async () => {
  await note('the snapshot')
  await transaction('two tables', 'UPDATE products SET stock = stock - 1', touch(1, 'email'), touch(2, 'social'))
  await transaction(
    'one table twice',
    'UPDATE products SET stock = 100 WHERE id = 1',
    'UPDATE products SET stock = 101 WHERE id = 1',
  )
  await statement('a table that is not captured', 'CREATE TABLE notes (id INT PRIMARY KEY)')
  await transaction('only that table', 'INSERT INTO notes VALUES (1), (2)')
  await transaction('a deletion', 'DELETE FROM products WHERE id = 3', "UPDATE sellers SET country = 'Italy' WHERE id = 2")
  await transaction(
    'back again',
    "INSERT INTO products (id, seller_id, name, category, price, stock) VALUES (3, 2, 'stool', 'home', 20, 1)",
  )
  await transaction('another key', 'UPDATE touches SET id = id + 10 ORDER BY id DESC')
  await statement('a truncate', 'TRUNCATE TABLE touches')
  await transaction('after it', touch(1, 'search'))
  await mysql.query('FLUSH BINARY LOGS')
  await transaction('a new binlog file', touch(2, 'organic'), 'UPDATE products SET price = price * 2')
  await transaction('both tables of half', 'INSERT INTO notes VALUES (3)', "UPDATE sellers SET country = 'Malta' WHERE id = 1")
  await transaction('many rows', ...Array.from({ length: 40 }, (_, i) => touch(100 + i, 'display')))
  await transaction('and gone', 'DELETE FROM touches WHERE id >= 100', 'DELETE FROM notes')
  await transaction('the last one', 'UPDATE products SET stock = stock + 1 WHERE id = 2')
  expect((await line.settle()).equal).toBe(true)
  const lake = state('silver.')
  for (const [index, { what, executed, position, state: expected }] of marks.entries()) {
    const last = executed.replace(/:1-(\d+)$/, ':$1')
    const points = [executed, position, ...(index > 0 ? [last] : [])]
    const seen = await Promise.all(points.map(point => asOf(point, lake)))
    for (const [n, rows] of seen.entries()) expect(rows, `${what}: ${points[n]}`).toEqual(expected)
  }
  expect(new Set(marks.map(mark => mark.state.join())).size).toBeGreaterThan(10)
})

test('a position inside a transaction is the state before it', async () => {
  const before = marks[marks.findIndex(({ what }) => what === 'many rows') - 1]!
  const [file, start] = before.position.split(':') as [string, string]
  const { stdout } = await line.binlake(
    ...[
      'sql',
      "select min(_pos)::integer as head, max(_pos)::integer as tail from bronze.touches where _value like '%display%' and _op = 'c'",
    ],
    '--json',
  )
  const [{ head, tail }] = JSON.parse(stdout)
  expect(tail).toBeGreaterThan(head)
  for (const pos of [Number(start), Number(start) + 79, head, Math.floor((head + tail) / 2), tail]) {
    expect(await asOf(`${file}:${pos}`, state('silver.')), `${file}:${pos}`).toEqual(before.state)
  }
})

test('a live view sees what bronze has', async () => {
  const query = 'select count(*)::integer as n from silver.products_live'
  const { stdout } = await line.binlake('sql', query, '--json')
  expect(JSON.parse(stdout)).toEqual([{ n: marks.at(-1)!.state.filter(row => row.startsWith('product')).length }])
})
