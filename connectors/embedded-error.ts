// What can go wrong with the embedded log.

export type EmbeddedLogCode =
  | 'EMBEDDED_LOG_LOCKED'
  | 'EMBEDDED_LOG_CORRUPT'
  | 'EMBEDDED_LOG_UNFINISHED'
  | 'EMBEDDED_LOG_NO_TOPIC'
  | 'EMBEDDED_LOG_NO_TOPICS'
  | 'EMBEDDED_LOG_OFFSET_GONE'

export class EmbeddedLogError extends Error {
  override readonly name = 'EmbeddedLogError'
  readonly code: EmbeddedLogCode
  /** True where waiting, or starting the writer, can help. */
  readonly retryable: boolean

  constructor(code: EmbeddedLogCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.retryable = retryable.has(code)
  }
}

const retryable = new Set<EmbeddedLogCode>(['EMBEDDED_LOG_LOCKED', 'EMBEDDED_LOG_UNFINISHED', 'EMBEDDED_LOG_NO_TOPICS'])
