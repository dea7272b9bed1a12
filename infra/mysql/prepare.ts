// The captured database before the connector looks at it: its tables and Debezium's signal table.
// Guarantee: creates what is missing, changes nothing that exists.
import { createConnection } from 'mysql2/promise'
import { database, signalTable } from './users.ts'

/** `url` is mysql://user:password@host:port/…; the database need not exist yet. `statements` come first. */
export function prepareDatabase(url: string, statements: readonly string[]): Promise<void> {
  return runStatements(url, [...statements, signalTableStatement])
}

/** Runs the statements one after the other without choosing a database. */
export async function runStatements(url: string, statements: readonly string[]): Promise<void> {
  const { hostname, port, username, password } = new URL(url)
  const connection = await createConnection({
    host: hostname,
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  })
  try {
    for (const statement of statements) await connection.query(statement)
  } finally {
    await connection.end()
  }
}

/** As Debezium documents it. */
const signalTableStatement = `CREATE TABLE IF NOT EXISTS \`${database}\`.\`${signalTable}\` (
  id VARCHAR(64) NOT NULL PRIMARY KEY,
  type VARCHAR(32) NOT NULL,
  data VARCHAR(2048) NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`
