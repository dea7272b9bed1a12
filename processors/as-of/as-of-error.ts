// Why a point of the binlog cannot be answered. Messages name transactions and positions, never keys or values.

/**
 * AS_OF_UNKNOWN: the lake has not heard of it (yet: retryable). AS_OF_ELSEWHERE: it is of no server the lake knows. AS_OF_TOO_OLD: before the lake begins. AS_OF_BEHIND: silver has not
 * taken all of it yet. AS_OF_AMBIGUOUS: it may mean several states, or none that was ever there.
 */
export type AsOfErrorCode = 'AS_OF_UNKNOWN' | 'AS_OF_ELSEWHERE' | 'AS_OF_TOO_OLD' | 'AS_OF_BEHIND' | 'AS_OF_AMBIGUOUS'

export class AsOfError extends Error {
  readonly code: AsOfErrorCode
  readonly retryable: boolean

  constructor(code: AsOfErrorCode, message: string) {
    super(message)
    this.name = 'AsOfError'
    this.code = code
    this.retryable = code === 'AS_OF_UNKNOWN' || code === 'AS_OF_BEHIND'
  }
}
