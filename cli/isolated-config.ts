// The configuration of a stack by itself: no file, variable or flag of the person's own lake can reach it.

import { type Config, loadConfig } from './config.ts'
import { stackSettings } from './open-session.ts'

/** Settings of the stack in `state`, if it is up already. How this machine works (cache, memory, log) is taken from `base`. */
export async function isolatedConfig({ lake, duckdb, log }: Config, state: string): Promise<Config> {
  const stack = await stackSettings(state)
  const alone = loadConfig({ cwd: state, state, env: {}, ...(stack ? { stack } : {}) })
  return Object.freeze({ ...alone, lake: Object.freeze({ ...alone.lake, cache: lake.cache }), duckdb, log })
}
