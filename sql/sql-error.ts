// What can go wrong with a query that a person typed. The text may show their query; it is for their eyes.

export type SqlErrorCode =
  | 'SQL_INVALID'
  | 'SQL_REFUSED'
  | 'SQL_UNKNOWN_TABLE'
  | 'SQL_TIMEOUT'
  | 'SQL_FAILED'
  | 'SQL_POINT_INVALID'
  | 'SQL_LIVE_UNAVAILABLE'

export class SqlError extends Error {
  readonly code: SqlErrorCode
  readonly retryable = false

  constructor(code: SqlErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'SqlError'
    this.code = code
  }
}
