// What can go wrong while the shop writes to MySQL.
// Guarantee: the server's message is left out, because it may quote a key or a value.

export type ShopMysqlCode = 'SHOP_MYSQL_BUSY' | 'SHOP_MYSQL_LOST' | 'SHOP_MYSQL_ACCESS' | 'SHOP_MYSQL_REFUSED'

/** `retryable`: running the generator again goes on from where the database stands. */
export class ShopMysqlError extends Error {
  override readonly name = 'ShopMysqlError'
  readonly code: ShopMysqlCode
  readonly retryable: boolean
  /** The server's own error name, e.g. ER_DUP_ENTRY. */
  readonly reason: string

  constructor(code: ShopMysqlCode, reason: string) {
    super(`${explanations[code]} (${reason})`)
    this.code = code
    this.reason = reason
    this.retryable = code === 'SHOP_MYSQL_BUSY' || code === 'SHOP_MYSQL_LOST'
  }
}

const explanations: Record<ShopMysqlCode, string> = {
  SHOP_MYSQL_BUSY: 'MySQL rolled a transaction of the shop back because another one held its rows; run generate again to go on',
  SHOP_MYSQL_LOST: 'the connection to MySQL ended while the shop was writing; start the server, then run generate again to go on',
  SHOP_MYSQL_ACCESS:
    'MySQL does not let this user write to the shop; check the user, password, database and grants of the MySQL URL',
  SHOP_MYSQL_REFUSED:
    'MySQL refused a statement of the shop; if its tables were changed by hand, drop them and run generate again',
}
const busy = new Set(['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT'])
const lost = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'ER_SERVER_SHUTDOWN',
  'ER_QUERY_INTERRUPTED',
  'ER_CLIENT_INTERACTION_TIMEOUT',
])
const denied = new Set([
  'ER_ACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
  'ER_TABLEACCESS_DENIED_ERROR',
  'ER_SPECIFIC_ACCESS_DENIED_ERROR',
  'ER_BAD_DB_ERROR',
  'ER_OPTION_PREVENTS_STATEMENT',
])

/** Turns what mysql2 throws into a ShopMysqlError; anything else stays what it is. */
export function asShopMysqlError(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') {
    // mysql2 rejects what is queued behind a lost connection without a code.
    return error instanceof Error && /closed state/.test(error.message)
      ? new ShopMysqlError('SHOP_MYSQL_LOST', 'connection closed')
      : error
  }
  const reason = error.code
  if (busy.has(reason)) return new ShopMysqlError('SHOP_MYSQL_BUSY', reason)
  if (lost.has(reason)) return new ShopMysqlError('SHOP_MYSQL_LOST', reason)
  if (denied.has(reason)) return new ShopMysqlError('SHOP_MYSQL_ACCESS', reason)
  return 'sqlState' in error ? new ShopMysqlError('SHOP_MYSQL_REFUSED', reason) : error
}
