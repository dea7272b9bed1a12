// Reads MySQL's tables in one consistent snapshot, in UTC and utf8mb4, as text.
// Guarantee: nothing is written, nothing is locked, and rows are streamed, never held as a whole.
import mysql from 'mysql2'
import type { Connection as PromiseConnection } from 'mysql2/promise'
import type { SourceRows, TextColumn } from './source-rows.ts'

export class MysqlError extends Error {
  readonly code: string
  readonly retryable: boolean

  constructor(code: string, message: string, options: { retryable: boolean; cause: unknown }) {
    super(message, { cause: options.cause })
    this.code = code
    this.retryable = options.retryable
  }
}

/** Opens a snapshot of all tables. Throws MysqlError. */
export async function openMysqlRows(url: string): Promise<SourceRows> {
  const client = mysql.createConnection({ uri: url, charset: 'utf8mb4', timezone: 'Z' })
  const connection = client.promise()
  try {
    await connection.query("SET SESSION time_zone = '+00:00', SESSION sql_mode = ''")
    await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ')
    await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY')
    const position = await positionOf(connection)
    return {
      position,
      async rows({ database, table }, columns) {
        if (!(await exists(connection, database, table))) return undefined
        return stream(client, `SELECT ${columns.map(selected).join(', ')} FROM ${quoted(database)}.${quoted(table)}`)
      },
      async [Symbol.asyncDispose]() {
        await connection.end()
      },
    }
  } catch (error) {
    client.destroy()
    throw mysqlError(error, url)
  }
}

/** Rows as they arrive; the server waits while the reader is busy. */
function stream(client: mysql.Connection, statement: string): AsyncIterable<(string | null)[]> {
  const query = client.query({
    sql: statement,
    rowsAsArray: true,
    typeCast: (field: { string(): string | null }) => field.string(),
  })
  return query.stream({ highWaterMark: 1_000 }) as AsyncIterable<(string | null)[]>
}

async function exists(connection: PromiseConnection, database: string, table: string): Promise<boolean> {
  const [rows] = await connection.query<mysql.RowDataPacket[]>(
    'SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?',
    [database, table],
  )
  return rows.length > 0
}

/** Names differ: MySQL 8.4 renamed the statement, and older servers know only the former. */
async function positionOf(connection: PromiseConnection): Promise<string> {
  for (const statement of ['SHOW BINARY LOG STATUS', 'SHOW MASTER STATUS']) {
    try {
      const [rows] = await connection.query<mysql.RowDataPacket[]>(statement)
      const status = rows[0]
      if (status)
        return [`${status.File}:${status.Position}`, status.Executed_Gtid_Set].filter(Boolean).join(' ').replaceAll('\n', '')
    } catch {
      // Unknown to this server, or not granted: the position is information only.
    }
  }
  return 'unknown (REPLICATION CLIENT is not granted)'
}

function selected({ select }: TextColumn): string {
  return select
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

/** The client's error in words; the URL without its password. */
function mysqlError(error: unknown, url: string): MysqlError {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
  const where = new URL(url)
  const place = `${where.hostname}:${where.port || 3306}`
  if (code === 'ER_ACCESS_DENIED_ERROR' || code === 'ER_DBACCESS_DENIED_ERROR') {
    return new MysqlError(
      'MYSQL_ACCESS_DENIED',
      `MySQL at ${place} refused user ${decodeURIComponent(where.username)}: check user and password in mysql.url`,
      { retryable: false, cause: error },
    )
  }
  if (['ECONNREFUSED', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH', 'PROTOCOL_CONNECTION_LOST', 'ECONNRESET'].includes(code)) {
    return new MysqlError(
      'MYSQL_UNREACHABLE',
      `no connection to MySQL at ${place} (${code}): is the server running, and mysql.url right?`,
      { retryable: true, cause: error },
    )
  }
  return new MysqlError('MYSQL_FAILED', `MySQL at ${place} failed (${code || 'no code'})`, { retryable: false, cause: error })
}
