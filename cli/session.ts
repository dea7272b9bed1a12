// What every command is given: configuration, logger, stop signal, and where to write.
// Guarantee: data goes to stdout, everything else to stderr.
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import type { Progress } from './progress.ts'
import type { Stop } from './signals.ts'

/** The options that every command understands. */
export interface GlobalOptions {
  config?: string
  lake?: string
  set?: string[]
  state?: string
  debug?: boolean
}

export interface Session {
  readonly config: Config
  /** The folder of a local stack's state, absolute. */
  readonly state: string
  readonly log: Logger
  /** Aborts at the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal
  readonly stop: Stop
  /** True if a person sits there: stdin and stderr are terminals. */
  readonly interactive: boolean
  /** Writes data to stdout; waits while the reader is slower. */
  print(text: string): Promise<void>
  /** Writes a message to stderr. */
  say(text: string): void
  progress(label: string, options: { unit: string; total?: number }): Promise<Progress>
}
