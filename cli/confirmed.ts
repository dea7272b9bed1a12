// Asks the person at the terminal before something is decided.
import { ConfigError } from './config-error.ts'
import type { Session } from './session.ts'

/** True for y or yes. Without a terminal the command must have been given `--yes`: CONFIG_INVALID. */
export async function confirmed({ interactive, say, signal }: Session, question: string): Promise<boolean> {
  if (!interactive) throw new ConfigError('CONFIG_INVALID', ['flag --yes: nobody is there to ask, so nothing is done without it'])
  const { createInterface } = await import('node:readline/promises')
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await terminal.question(`${question} [y/N] `, { signal })
    if (/^y(es)?$/i.test(answer.trim())) return true
    say('nothing was done\n')
    return false
  } finally {
    terminal.close()
  }
}
