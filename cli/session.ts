// What every command is given: configuration, logger, stop signal, and where to write.
// Guarantee: data goes to stdout, everything else to stderr; nothing heavy is loaded before a command asks for it.
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import type { Logger } from 'pino'
import { nearest } from '../sql/nearest.ts'
import { type Config, type ConfigSources, loadConfig, surroundings } from './config.ts'
import { ConfigError } from './config-error.ts'
import { describe, exit, exitCode } from './exit.ts'
import { createLog } from './log.ts'
import { type Progress, startProgress } from './progress.ts'
import { settings } from './settings.ts'
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
      const session = await openSession(options, say, stop)
      const code = await action(session, options, ...words)
      process.exitCode = code ?? (stop.signal.aborted ? stop.exitCode : exit.ok)
    } catch (error) {
      const debug = options.debug ?? surroundings().env.LOG === 'debug'
      const code = stop.signal.aborted && exitCode(error) === exit.interrupted ? stop.exitCode : exitCode(error)
      say(describe(error, { debug }))
      process.exitCode = code
    } finally {
      stop.release()
    }
  }
}

async function openSession(options: GlobalOptions, say: Session['say'], stop: Stop): Promise<Session> {
  const around = surroundings()
  const state = resolve(around.cwd, options.state ?? '.binlake')
  const stack = await stackSettings(state)
  const config = loadConfig({
    ...around,
    ...(options.config ? { file: options.config } : {}),
    state,
    flags: flagSettings(options),
    ...(stack ? { stack } : {}),
  })
  const terminal = process.stderr.isTTY === true
  const level = options.debug ? 'debug' : config.log.level
  return {
    config,
    state,
    log: await createLog(level, { pretty: terminal }),
    signal: stop.signal,
    stop,
    interactive: terminal && process.stdin.isTTY === true,
    async print(text) {
      if (!process.stdout.write(text)) await once(process.stdout, 'drain', { signal: stop.signal })
    },
    say,
    progress: (label, { unit, total }) =>
      startProgress(label, { unit, ...(total === undefined ? {} : { total }), bar: terminal, write: say }),
  }
}

/** What a stack that was brought up in this folder announces. */
async function stackSettings(state: string): Promise<ConfigSources['stack']> {
  const file = join(state, 'stack.json')
  if (!existsSync(file)) return undefined
  const { loadStack } = await import('../infra/state.ts')
  const stack = await loadStack(state)
  return stack && { env: stack.env, file }
}

/** `--lake` and `--set key=value` as settings. */
function flagSettings({ lake, set = [] }: GlobalOptions): Record<string, { flag: string; value: string }> {
  const flags: Record<string, { flag: string; value: string }> = {}
  if (lake !== undefined) flags['lake.url'] = { flag: '--lake', value: lake }
  for (const pair of set) {
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? []
    if (key === undefined || value === undefined)
      throw new ConfigError('CONFIG_INVALID', [`flag --set: ${pair}: expected key=value, e.g. batch.records=1000`])
    if (!settings[key]) {
      const near = nearest(key, Object.keys(settings))
      throw new ConfigError('CONFIG_INVALID', [
        `flag --set: ${key}: unknown key${near.length ? `; did you mean ${near.join(' or ')}?` : ''}`,
      ])
    }
    flags[key] = { flag: `--set ${key}`, value }
  }
  return flags
}
