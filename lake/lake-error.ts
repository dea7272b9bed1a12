// The one error class of the lake: what happened, to which table, and what to do.
// Guarantee: `retryable` says whether loading the table again and planning anew can succeed.

export type LakeErrorCode =
  | 'LAKE_CONFLICT'
  | 'LAKE_FENCED'
  | 'LAKE_COMMIT_UNKNOWN'
  | 'LAKE_UNSUPPORTED_TABLE'
  | 'LAKE_CORRUPT_LOG'
  | 'LAKE_VERSION_GONE'
  | 'LAKE_SCHEMA_MISMATCH'
  | 'LAKE_BAD_VALUE'
  | 'LAKE_SCHEMA_INVALID'
  | 'LAKE_SCHEMA_CHANGE'
  | 'LAKE_RETENTION_TOO_SHORT'

export interface LakeErrorOptions {
  retryable?: boolean
  cause?: unknown
}

/** Messages name tables, columns, versions and counts; never a row's key or value. */
export class LakeError extends Error {
  readonly code: LakeErrorCode
  readonly retryable: boolean

  constructor(code: LakeErrorCode, message: string, options: LakeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'LakeError'
    this.code = code
    this.retryable = options.retryable ?? false
  }
}
