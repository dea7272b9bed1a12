// The shop's database on a MySQL server: a connection that prints values as rows hold them, its tables, what it holds already.
// Guarantee: creates what is missing and changes nothing that exists.
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { asShopMysqlError } from './mysql-error.ts'
import { customerLimit, type ExistingShop } from './simulate.ts'
import { createStatements, shopDatabase, shopTables, type TableName } from './tables.ts'
import { microsOf } from './time.ts'
import type { Row } from './transaction.ts'

/** A connection to `mysql://user:password@host:port/database` (`shop` by default), whose tables exist afterwards. Throws ShopMysqlError. */
export async function openShopDatabase(url: string): Promise<Connection> {
  const { hostname, port, username, password, pathname } = new URL(url)
  const database = decodeURIComponent(pathname.slice(1)) || shopDatabase
  try {
    const connection = await createConnection({
      host: hostname,
      port: Number(port || 3306),
      user: decodeURIComponent(username),
      password: decodeURIComponent(password),
      charset: 'utf8mb4',
      timezone: 'Z',
      dateStrings: true,
      multipleStatements: true,
    })
    // A server default must not change what the escaping of values relies on, nor let a value be cut.
    await connection.query("SET SESSION time_zone = '+00:00', SESSION sql_mode = 'TRADITIONAL', SESSION foreign_key_checks = 1")
    await createMissing(connection, database)
    await connection.query('USE ??', [database])
    return connection
  } catch (error) {
    throw asShopMysqlError(error)
  }
}

/** A user who may only write rows is enough once the tables are there. */
async function createMissing(connection: Connection, database: string): Promise<void> {
  const [found] = await connection.query<RowDataPacket[]>(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ?',
    [database],
  )
  const names = new Set(found.map(({ name }) => name))
  if (shopTables.every(({ name }) => names.has(name))) return
  const [createDatabase, ...createTables] = createStatements(database)
  const [schemas] = await connection.query<RowDataPacket[]>('SELECT 1 FROM information_schema.schemata WHERE schema_name = ?', [
    database,
  ])
  if (schemas.length === 0) await connection.query(createDatabase!)
  for (const statement of createTables) await connection.query(statement)
}

/** What the shop holds, as the simulation needs it to go on. */
export async function readExisting(connection: Connection): Promise<ExistingShop> {
  const all = async (text: string) => (await connection.query<RowDataPacket[]>(text))[0] as Row[]
  return {
    ids: await lastIds(connection),
    sellers: await all('SELECT * FROM sellers ORDER BY id'),
    products: await all('SELECT * FROM products ORDER BY id'),
    customers: await all(`SELECT * FROM customers ORDER BY id LIMIT ${customerLimit}`),
    lastChange: await lastChange(connection),
  }
}

/** The server's own counters: the highest id may have been deleted, and must not be given out twice. */
async function lastIds(connection: Connection): Promise<Partial<Record<TableName, number>>> {
  const ids: Partial<Record<TableName, number>> = {}
  for (const { name, primaryKey } of shopTables) {
    if (primaryKey[0] !== 'id') continue
    const [[created]] = await connection.query<RowDataPacket[]>('SHOW CREATE TABLE ??', [name])
    const [[highest]] = await connection.query<RowDataPacket[]>('SELECT COALESCE(MAX(id), 0) AS id FROM ??', [name])
    const next = Number(/ AUTO_INCREMENT=(\d+)/.exec(String(created!['Create Table']))?.[1] ?? 1)
    ids[name as TableName] = Math.max(next - 1, Number(highest!.id))
  }
  return ids
}

async function lastChange(connection: Connection): Promise<number | undefined> {
  let last: string | undefined
  for (const { name } of shopTables) {
    const [[row]] = await connection.query<RowDataPacket[]>('SELECT MAX(updated_at) AS at FROM ??', [name])
    const at: string | null = row!.at
    if (at !== null && (last === undefined || at > last)) last = at
  }
  return last === undefined ? undefined : Math.ceil(microsOf(last) / 1000)
}
