// MySQL's errors in words: what happened, where, and what to do.
// Guarantee: no text of the server's own travels on, because it may quote a value; the URL is shown without its password.

export class MysqlError extends Error {
  readonly code: string
  readonly retryable: boolean

  constructor(code: string, message: string, options: { retryable: boolean; cause: unknown }) {
    super(message, { cause: options.cause })
    this.code = code
    this.retryable = options.retryable
  }
}

const unreachable = ['ECONNREFUSED', 'ETIMEDOUT', 'ENOTFOUND', 'EHOSTUNREACH', 'EAI_AGAIN']
const lost = [
  'PROTOCOL_CONNECTION_LOST',
  'ECONNRESET',
  'EPIPE',
  'ER_SERVER_SHUTDOWN',
  'ER_QUERY_INTERRUPTED',
  'ER_NORMAL_SHUTDOWN',
]
const changed = ['ER_TABLE_DEF_CHANGED', 'ER_BAD_FIELD_ERROR', 'ER_NO_SUCH_TABLE']
const refused = ['ER_TABLEACCESS_DENIED_ERROR', 'ER_COLUMNACCESS_DENIED_ERROR', 'ER_SPECIFIC_ACCESS_DENIED_ERROR']

/** `table` is what was being read, if one was. */
export function mysqlError(error: unknown, url: string, table?: { database: string; table: string }): MysqlError {
  if (error instanceof MysqlError) return error
  const code = codeOf(error)
  const where = new URL(url)
  const place = `${where.hostname}:${where.port || 3306}`
  const user = decodeURIComponent(where.username)
  const name = table ? `${table.database}.${table.table}` : 'a table'
  if (code === 'ER_ACCESS_DENIED_ERROR' || code === 'ER_DBACCESS_DENIED_ERROR')
    return new MysqlError('MYSQL_ACCESS_DENIED', `MySQL at ${place} refused user ${user}: check user and password in mysql.url`, {
      retryable: false,
      cause: error,
    })
  if (refused.includes(code)) {
    const what = table
      ? `read ${name}; an administrator types: GRANT SELECT ON \`${table.database}\`.* TO '${user}'@'%'`
      : 'do that; docs/verify.md lists the grants'
    return new MysqlError('MYSQL_NOT_GRANTED', `MySQL at ${place}: user ${user} may not ${what}`, {
      retryable: false,
      cause: error,
    })
  }
  if (table && changed.includes(code)) {
    return new MysqlError(
      'MYSQL_TABLE_CHANGED',
      `${name}: it was altered or dropped in MySQL while it was read, or the lake has not heard of its columns yet; verify it again once \`binlake run\` has caught up`,
      { retryable: true, cause: error },
    )
  }
  if (unreachable.includes(code))
    return new MysqlError(
      'MYSQL_UNREACHABLE',
      `no connection to MySQL at ${place} (${code}): is the server running, and mysql.url right?`,
      { retryable: true, cause: error },
    )
  if (lost.includes(code) || isFatal(error))
    return new MysqlError(
      'MYSQL_UNREACHABLE',
      `MySQL at ${place} closed the connection while ${name} was read (${code || 'no code'}): try again once the server is up`,
      { retryable: true, cause: error },
    )
  return new MysqlError(
    'MYSQL_FAILED',
    `MySQL at ${place} failed${table ? ` while ${name} was read` : ''} (${code || 'no code'})`,
    { retryable: false, cause: error },
  )
}

export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}

function isFatal(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'fatal' in error && error.fatal === true
}
