// The one place where an error becomes a message on stderr and an exit code.
// Guarantee: an error that is not ours is shown without quoted text, so that no row's value reaches a terminal or a log.
import { styleText } from 'node:util'

/** Exit codes of every command. */
export const exit = { ok: 0, failure: 1, usage: 2, degraded: 3, mismatch: 4, policy: 5, tryAgain: 75, interrupted: 130 } as const

/** How every error of this project looks: `code` is explained in docs/errors.md. */
export interface CodedError extends Error {
  code: string
  retryable: boolean
}

/** Exit codes by the beginnings of error codes; any other error is a failure, or worth another try if it says so. */
const byCode: [string[], number][] = [
  [
    [
      'CONFIG_',
      'KAFKA_BROKERS',
      'STORE_CONFIG',
      'MASK_KEY_',
      'REPLAY_UNKNOWN_',
      'SCHEMA_REFUSED',
      'SCHEMA_UNKNOWN_TABLE',
      'LAKE_RETENTION_',
      'QUARANTINE_',
      'EXPLAIN_',
      'SNAPSHOT_UNKNOWN_TABLE',
      'SNAPSHOT_NO_KEY',
      'SNAPSHOT_CONDITION',
      'RESUME_NOTHING',
    ],
    exit.usage,
  ],
  [['SQL_REFUSED', 'SQL_UNKNOWN_', 'SQL_INVALID', 'SQL_POINT_', 'SQL_LIVE_', 'RESTORE_'], exit.usage],
  [['GOLD_CIRCLE', 'GOLD_INPUT_', 'GOLD_NAME_', 'GOLD_SQL_', 'DDL_', 'VERIFY_TYPES_'], exit.usage],
  [['POLICY_', 'TABLE_OMITTED', 'ROLLBACK_POLICY'], exit.policy],
]

export function isCoded(error: unknown): error is CodedError {
  const { code, retryable } = (error ?? {}) as Partial<CodedError>
  return error instanceof Error && typeof code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(code) && typeof retryable === 'boolean'
}

/** The exit code for an error that ended a command. */
export function exitCode(error: unknown): number {
  if (isAbort(error)) return exit.interrupted
  if (!isCoded(error)) return exit.failure
  const known = byCode.find(([beginnings]) => beginnings.some(beginning => error.code.startsWith(beginning)))
  return known?.[1] ?? (error.retryable ? exit.tryAgain : exit.failure)
}

/** The text for stderr: what happened, its code, and with `debug` where in the code. */
export function describe(error: unknown, options: { debug: boolean }): string {
  if (isAbort(error)) return 'interrupted\n'
  const head = styleText('red', 'error:', { stream: process.stderr })
  if (isCoded(error)) {
    const hint = `  ${error.code}: see docs/errors.md`
    return `${head} ${error.message}\n${hint}\n${options.debug ? trace(error) : ''}`
  }
  const text = safeMessage(error)
  const hint = isSystem(error) ? '' : '  not an error binlake expects; --debug shows where it comes from\n'
  return `${head} ${text}\n${hint}${options.debug ? trace(error) : ''}`
}

/** A message fit for logs: the whole text of a coded or a system error, any other without what stands in quotes. */
export function safeMessage(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return isCoded(error) || isSystem(error) ? message : message.replace(/'[^']*'?/g, "'…'")
}

/** The calls that led to an error and its causes, without their messages' values. */
export function trace(error: unknown): string {
  const lines: string[] = []
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current !== error) lines.push(`  caused by ${current.name}: ${safeMessage(current)}`)
    lines.push(...(current.stack?.split('\n').filter(line => /^\s+at /.test(line)) ?? []))
  }
  return `${lines.join('\n')}\n`
}

/** An error of the operating system or of Node: its text names paths and addresses, never data. */
function isSystem(error: unknown): boolean {
  return error instanceof Error && ('syscall' in error || String((error as { code?: unknown }).code).startsWith('ERR_'))
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || (error as { code?: unknown }).code === 'ABORT_ERR')
}
