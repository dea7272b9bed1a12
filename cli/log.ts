// The process's logger: JSON lines on stderr, readable lines on a terminal.
// Guarantee: an error in a log line carries its code and a message without values (see exit.ts).
import { type Logger, type LoggerOptions, pino } from 'pino'
import { isCoded, safeMessage, trace } from './exit.ts'

/** `level` is pino's; `pretty` asks for lines for people. */
export async function createLog(level: string, options: { pretty: boolean }): Promise<Logger> {
  const settings: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: label => ({ level: label }) },
    serializers: { err: error => serialize(error, level === 'debug' || level === 'trace') },
  }
  const pretty = options.pretty ? await prettyStream() : undefined
  return pretty ? pino(settings, pretty) : pino(settings, pino.destination({ fd: 2, sync: true }))
}

function serialize(error: unknown, withTrace: boolean): Record<string, unknown> {
  const name = error instanceof Error ? error.name : typeof error
  return {
    type: name,
    message: safeMessage(error),
    ...(isCoded(error) ? { code: error.code, retryable: error.retryable } : {}),
    ...(withTrace ? { stack: trace(error) } : {}),
  }
}

/** Undefined where pino-pretty is not installed (it is no runtime dependency): JSON lines then. */
async function prettyStream() {
  try {
    const { default: pretty } = await import('pino-pretty')
    return pretty({
      destination: 2,
      sync: true,
      translateTime: 'HH:MM:ss',
      ignore: 'pid,hostname',
      colorize: process.stderr.hasColors?.() ?? false,
    })
  } catch {
    return undefined
  }
}
