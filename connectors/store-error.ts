// The one error class of the object stores: what failed, where, and what to do about it.
// Guarantee: no message or cause-free text holds a key, a signature or a row.

export type StoreErrorCode =
  | 'STORE_FULL'
  | 'STORE_DENIED'
  | 'STORE_MISSING'
  | 'STORE_UNREACHABLE'
  | 'STORE_CONFIG'
  | 'STORE_PATH'
  | 'STORE_FAILED'

export class StoreError extends Error {
  readonly code: StoreErrorCode
  readonly retryable: boolean

  constructor(code: StoreErrorCode, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'StoreError'
    this.code = code
    this.retryable = options.retryable ?? false
  }
}
