// Builds a command's session: reads the configuration, makes the logger.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { armFailPoint } from '../lake/fail-point.ts'
import { nearest } from '../sql/nearest.ts'
import { type ConfigSources, loadConfig, surroundings } from './config.ts'
import { ConfigError } from './config-error.ts'
import { createLog } from './log.ts'
import { startProgress } from './progress.ts'
import type { GlobalOptions, Session } from './session.ts'
import { settings } from './settings.ts'
import type { Stop } from './signals.ts'
import { print } from './stdout.ts'

/** Throws ConfigError. */
export async function openSession(options: GlobalOptions, say: Session['say'], stop: Stop): Promise<Session> {
  const around = surroundings()
  arm(around.env.BINLAKE_FAIL_POINT)
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
    print: text => print(text, stop.signal),
    say,
    progress: (label, { unit, total }) =>
      startProgress(label, { unit, ...(total === undefined ? {} : { total }), bar: terminal, write: say }),
  }
}

/** For crash tests only, and therefore no setting: the step at which this process is killed. */
function arm(point: string | undefined): void {
  try {
    if (point) armFailPoint(point)
  } catch (cause) {
    throw new ConfigError('CONFIG_INVALID', [`environment variable BINLAKE_FAIL_POINT: ${(cause as Error).message}`], { cause })
  }
}

/** What a stack that was brought up in this folder announces. */
export async function stackSettings(state: string): Promise<ConfigSources['stack']> {
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
