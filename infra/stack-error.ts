// The one error class of the stack: what failed, where to look, what to do.
// Guarantee: `code` is one of the list below, each explained in docs/errors.md.

export type StackErrorCode =
  | 'STACK_SERVICE_FAILED'
  | 'STACK_PORT_TAKEN'
  | 'STACK_TOOL_MISSING'
  | 'STACK_DOWNLOAD_FAILED'
  | 'STACK_KIND_CHANGED'
  | 'STACK_DOCKER_FAILED'
  | 'STACK_STATE_UNREADABLE'
  | 'CONNECT_UNREACHABLE'
  | 'CONNECT_REFUSED'
  | 'CONNECTOR_FAILED'
  | 'CONNECTOR_UNSAFE'

export class StackError extends Error {
  readonly code: StackErrorCode
  /** Whether the same call may succeed later with nothing changed. */
  readonly retryable: boolean

  constructor(code: StackErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, { cause: options.cause })
    this.name = 'StackError'
    this.code = code
    this.retryable = options.retryable ?? false
  }
}
