// What every command is given: configuration, logger, stop signal, and where to write.
// Guarantee: data goes to stdout, everything else to stderr; nothing heavy is loaded before a command runs.
import type { Command } from 'commander'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { describe, exit, exitCode } from './exit.ts'
import type { Progress } from './progress.ts'
import { listenForStop, type Stop } from './signals.ts'

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

type Action<Options> = (session: Session, options: Options & GlobalOptions, ...args: string[]) => Promise<number | undefined>

/** Makes a commander action of a command: builds its session, maps its error or result to the exit code. */
export function withSession<Options>(action: Action<Options>): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1) as Command
    const options = command.optsWithGlobals<Options & GlobalOptions>()
    const words = args.slice(0, -2) as string[]
    const say = (text: string) => void process.stderr.write(text)
    const stop = listenForStop(say)
    try {
      const { openSession } = await import('./open-session.ts')
      const session = await openSession(options, say, stop)
      const code = await action(session, options, ...words)
      process.exitCode = code ?? (stop.signal.aborted ? stop.exitCode : exit.ok)
    } catch (error) {
      const { surroundings } = await import('./config.ts')
      const debug = options.debug ?? surroundings().env.LOG === 'debug'
      const code = stop.signal.aborted && exitCode(error) === exit.interrupted ? stop.exitCode : exitCode(error)
      say(describe(error, { debug }))
      process.exitCode = code
    } finally {
      stop.release()
    }
  }
}
