// Prints the steps of bringing something up or down, one line a finished step, on stderr.
import type { Report } from '../infra/report.ts'

const marks = { done: 'ok', skipped: '--', failed: 'FAILED' } as const
/** Milliseconds between two lines about one unfinished step. */
const quiet = 5_000

/** A reporter that writes with `say`. A step that takes long shows now and then how far it is. */
export function printSteps(say: (text: string) => void): Report {
  const started = new Map<string, number>()
  const spoke = new Map<string, number>()
  return ({ step, state, detail = '', done, total }) => {
    const now = Date.now()
    if (state === 'start') started.set(step, now)
    else if (state === 'progress') {
      const since = spoke.get(step) ?? started.get(step) ?? now
      if (!started.has(step)) started.set(step, now)
      if (now - since < quiet) return
      spoke.set(step, now)
      const amount = done === undefined ? '' : total === undefined ? `${done} ` : `${done} of ${total} `
      say(`  ..  ${step}: ${amount}${detail}\n`)
    } else {
      const begin = started.get(step)
      const seconds = begin === undefined || now - begin < 100 ? '' : `  (${((now - begin) / 1_000).toFixed(1)} s)`
      say(`  ${marks[state].padEnd(2)}  ${step}${detail && `: ${detail}`}${seconds}\n`)
    }
  }
}
