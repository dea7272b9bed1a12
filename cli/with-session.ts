// Turns a command into a commander action: builds its session, maps its result or error to the exit code.
// Guarantee: whatever happens ends in an exit code and, if it is an error, a message on stderr.
import type { Command } from 'commander'
import { describe, exit, exitCode } from './exit.ts'
import type { GlobalOptions, Session } from './session.ts'
import { listenForStop } from './signals.ts'
import { ReaderGone } from './stdout.ts'

/** `args` are the command's arguments as commander gives them: text, or a list for `[name...]`. */
type Action<Options, Args extends unknown[]> = (
  session: Session,
  options: Options & GlobalOptions,
  ...args: Args
) => Promise<number | undefined>

/** Makes a commander action of a command: builds its session, maps its error or result to the exit code. */
export function withSession<Options, Args extends unknown[] = []>(
  action: Action<Options, Args>,
): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1) as Command
    const options = command.optsWithGlobals<Options & GlobalOptions>()
    const words = args.slice(0, -2) as Args
    const say = (text: string) => void process.stderr.write(text)
    const stop = listenForStop(say)
    try {
      const { openSession } = await import('./open-session.ts')
      const session = await openSession(options, say, stop)
      const code = await action(session, options, ...words)
      process.exitCode = code ?? (stop.signal.aborted ? stop.exitCode : exit.ok)
    } catch (error) {
      if (error instanceof ReaderGone) return
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
