// binlake's command line in processes of its own, on the servers and the lake that its environment names.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Finished {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface Started {
  child: ChildProcess
  /** What it has written to stderr so far. */
  told(): string
  finished: Promise<Finished>
  /** Ends it as Ctrl-C does. */
  stop(): Promise<Finished>
}

/** Starts `binlake …args`; `env` counts more than the environment it was made with. */
export type Binlake = (args: readonly string[], env?: Record<string, string>) => Started

/** What `verify --json` tells, in part. */
export interface Verified {
  equal: boolean
  tables: { table: string; rows: { source: number; silver: number }; skipped?: string }[]
}

const main = resolve(import.meta.dirname, '../../cli/main.ts')

const living = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of living) child.kill()
})

/** `folder`: where it runs, and keeps its state. */
export function binlakeIn(folder: string, environment: Record<string, string>): Binlake {
  return (args, env) => {
    const child = spawn(process.execPath, [main, ...args, '--state', join(folder, 'state')], {
      env: { ...process.env, ...environment, ...env },
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    living.add(child)
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const finished = once(child, 'close').then(([code, signal]): Finished => {
      living.delete(child)
      return { code, signal, stdout, stderr }
    })
    const stop = () => {
      child.kill('SIGINT')
      return finished
    }
    return { child, told: () => stderr, finished, stop }
  }
}

/** Rows of a query over the lake. */
export async function rowsOf<Row>(binlake: Binlake, query: string): Promise<Row[]> {
  const { code, stdout, stderr } = await binlake(['sql', query, '--json']).finished
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

/**
 * Runs the line until `verify` finds every table equal, or for `withinMs`; verify's last report. Debezium publishes what the
 * server has committed a moment later, and after a restart of the server once it has noticed: one round may come too early.
 * Throws when a run ends with a code that is not of `ends`: at once, or with `patient` when the time is over.
 */
export async function settle(
  binlake: Binlake,
  { ends = [0], patient = false, withinMs = 120_000 }: { ends?: readonly number[]; patient?: boolean; withinMs?: number } = {},
): Promise<Verified> {
  for (const until = Date.now() + withinMs; ; await sleep(300)) {
    const run = await binlake(['run', '--until-caught-up']).finished
    const ended = ends.includes(run.code ?? -1)
    const last = Date.now() > until
    if (!ended && (!patient || last)) throw new Error(`run ended with ${run.code}: ${run.stderr.slice(-4_000)}`)
    // Silver stands still until the next run: there is little to wait for.
    const verify = await binlake(['verify', '--json', '--patience', '1']).finished
    if ((ended && verify.code === 0) || last) {
      if (verify.stdout === '') throw new Error(verify.stderr)
      return JSON.parse(verify.stdout)
    }
  }
}
