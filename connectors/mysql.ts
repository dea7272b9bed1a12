// Reads MySQL's tables in one consistent snapshot, in UTC and utf8mb4, as text.
// Guarantee: nothing is written, writers are held for a moment at most, and rows are streamed, never held as a whole.
import mysql from 'mysql2'
import type { Connection as PromiseConnection } from 'mysql2/promise'
import { mysqlError } from './mysql-error.ts'
import { keysCondition, quoted } from './mysql-keys.ts'
import { openAtPoint } from './mysql-point.ts'
import type { SourceColumnName, SourcePoint, SourceRows, TextColumn } from './source-rows.ts'

export interface MysqlRowsOptions {
  /** Whether writers may be held for a moment, so that the position is exact. Default: yes. */
  lock?: boolean
}

/** Opens a snapshot of all tables. Throws MysqlError. */
export async function openMysqlRows(url: string, { lock = true }: MysqlRowsOptions = {}): Promise<SourceRows> {
  const client = mysql.createConnection({ uri: url.replace(/^mariadb:/, 'mysql:'), charset: 'utf8mb4', timezone: 'Z' })
  // A connection that dies while nobody reads must not end the process; the next query tells.
  client.on('error', () => undefined)
  const connection = client.promise()
  try {
    await connection.query("SET SESSION time_zone = '+00:00', SESSION sql_mode = ''")
    // Between two chunks the reader works, and before the first it may wait for silver.
    await connection.query('SET SESSION net_write_timeout = 3600, SESSION wait_timeout = 86400')
    await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ')
    const point = await openAtPoint(connection, { lock })
    return {
      point,
      position: told(point),
      async rows(table, columns, only) {
        try {
          if (!(await exists(connection, table))) return undefined
        } catch (error) {
          throw mysqlError(error, url, table)
        }
        const where = only ? ` WHERE ${keysCondition(only)}` : ''
        return stream(client, { statement: `${select(table, columns)}${where}`, url, table })
      },
      async estimate({ database, table }) {
        const statement = 'SELECT table_rows AS n FROM information_schema.tables WHERE table_schema = ? AND table_name = ?'
        // For the progress bar only; reading the table will say what is wrong.
        const [rows] = await connection
          .query<mysql.RowDataPacket[]>(statement, [database, table])
          .catch((): [mysql.RowDataPacket[]] => [[]])
        return rows[0]?.n === null || rows[0] === undefined ? undefined : Number(rows[0].n)
      },
      async columns(databases) {
        if (databases.length === 0) return []
        const statement = `SELECT TABLE_SCHEMA AS \`database\`, TABLE_NAME AS \`table\`, COLUMN_NAME AS \`column\`
          FROM information_schema.columns JOIN information_schema.tables USING (TABLE_SCHEMA, TABLE_NAME)
          WHERE TABLE_SCHEMA IN (?) AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')`
        try {
          const [rows] = await connection.query<mysql.RowDataPacket[]>(statement, [databases])
          return rows as SourceColumnName[]
        } catch (error) {
          throw mysqlError(error, url)
        }
      },
      async [Symbol.asyncDispose]() {
        // Not `end`: that would wait for rows nobody reads any more.
        client.destroy()
      },
    }
  } catch (error) {
    client.destroy()
    throw mysqlError(error, url)
  }
}

function select({ database, table }: { database: string; table: string }, columns: readonly TextColumn[]): string {
  return `SELECT ${columns.map(({ select: text }) => text).join(', ')} FROM ${quoted(database)}.${quoted(table)}`
}

/** Rows as they arrive; the server waits while the reader is busy. */
async function* stream(
  client: mysql.Connection,
  { statement, url, table }: { statement: string; url: string; table: { database: string; table: string } },
): AsyncGenerator<(string | null)[]> {
  const query = client.query({
    sql: statement,
    rowsAsArray: true,
    typeCast: (field: { string(): string | null }) => field.string(),
  })
  const rows = query.stream({ highWaterMark: 1_000 })
  // A connection that is lost tells nobody but itself; without this, reading would never end.
  const fail = (error: Error) => void rows.destroy(error)
  client.on('error', fail)
  try {
    yield* rows as AsyncIterable<(string | null)[]>
  } catch (error) {
    throw mysqlError(error, url, table)
  } finally {
    client.off('error', fail)
  }
}

async function exists(connection: PromiseConnection, { database, table }: { database: string; table: string }): Promise<boolean> {
  const [rows] = await connection.query<mysql.RowDataPacket[]>(
    'SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?',
    [database, table],
  )
  return rows.length > 0
}

function told(point: SourcePoint | undefined): string {
  if (!point) return 'unknown (no binlog, or REPLICATION CLIENT is not granted)'
  const { file, pos, gtids } = point
  return [...(file ? [`${file}:${pos}`] : []), ...(gtids ? [gtids] : [])].join(' ')
}
