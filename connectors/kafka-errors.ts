// What a broker or the network answers, put into words: what failed, where, and what to do about it.
// Guarantee: an error that a later try may cure says so (`retryable`).
import { type Broker, MultipleErrors, ResponseError } from '@platformatic/kafka'

type KafkaErrorCode =
  | 'KAFKA_AUTHENTICATION'
  | 'KAFKA_BROKERS'
  | 'KAFKA_FETCH'
  | 'KAFKA_NOT_AUTHORIZED'
  | 'KAFKA_NO_LEADER'
  | 'KAFKA_NO_TOPIC'
  | 'KAFKA_NO_TOPICS'
  | 'KAFKA_OFFSET_GONE'
  | 'KAFKA_REQUEST'
  | 'KAFKA_TLS'
  | 'KAFKA_UNREACHABLE'

export class KafkaError extends Error {
  readonly code: KafkaErrorCode
  readonly retryable: boolean

  constructor(code: KafkaErrorCode, message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause })
    this.code = code
    this.retryable = options.retryable
  }
}

/** Kafka's own names for the codes a fetch can answer (protocol page, «Error Codes»). */
export const fetchError = {
  none: 0,
  offsetOutOfRange: 1,
  topicAuthorizationFailed: 29,
} as const

/** Codes that fresh metadata cures: leader moved, topic deleted and created again, broker starting. */
const staleMetadata = new Set([3, 5, 6, 9, 74, 75, 76, 100, 103])

export function isStale(errorCode: number): boolean {
  return staleMetadata.has(errorCode)
}

/** Turns an error of the client library into ours. Ours pass unchanged; an error of neither is thrown on, because it is a fault of the program. */
export function kafkaError(error: unknown, brokers: readonly string[]): KafkaError {
  if (error instanceof KafkaError) return error
  const all = flatten(error)
  if (!all.some(isClients)) throw error
  const text = [...new Set(all.filter(isLeaf).map(part => (part instanceof Error ? part.message : String(part))))].join('; ')
  const where = brokers.join(', ')
  const failure = (code: KafkaErrorCode, message: string, retryable: boolean) =>
    new KafkaError(code, message, { retryable, cause: error })
  if (all.some(part => codeOf(part) === 'PLT_KFK_AUTHENTICATION') || /SASL|authenticat/i.test(text)) {
    return failure(
      'KAFKA_AUTHENTICATION',
      `Kafka at ${where} refused the login: check kafka.sasl (mechanism, username, password)`,
      false,
    )
  }
  if (/certificate|self.signed|SSL|TLS|wrong version number/i.test(text)) {
    return failure(
      'KAFKA_TLS',
      `no TLS connection to Kafka at ${where}: check kafka.tls (ca, and whether that port speaks TLS): ${text}`,
      false,
    )
  }
  if (all.some(part => part instanceof ResponseError) && !/connect/i.test(text)) {
    return failure('KAFKA_REQUEST', `Kafka at ${where} refused a request: ${text}`, true)
  }
  return failure(
    'KAFKA_UNREACHABLE',
    `no connection to Kafka at ${where}: is the broker running, and kafka.brokers right? (${text})`,
    true,
  )
}

/** `host:port` texts as the client wants them. */
export function parseBrokers(brokers: readonly string[]): Broker[] {
  return brokers.map(text => {
    const [, host, port] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(text) ?? []
    if (!host) throw new KafkaError('KAFKA_BROKERS', `kafka.brokers: '${text}' is not host:port`, { retryable: false })
    return { host, port: Number(port) }
  })
}

function flatten(error: unknown): unknown[] {
  if (error instanceof MultipleErrors || error instanceof AggregateError) return [error, ...error.errors.flatMap(flatten)]
  if (error instanceof Error && error.cause) return [error, ...flatten(error.cause)]
  return [error]
}

/** The error that started it, of a chain of errors that each wrap the next. */
function isLeaf(error: unknown): boolean {
  return !(error instanceof AggregateError) && !(error instanceof Error && error.cause)
}

function isClients(error: unknown): boolean {
  return String(codeOf(error)).startsWith('PLT_KFK_') || (error instanceof Error && 'syscall' in error)
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
