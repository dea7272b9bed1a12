// binlake's own processes under chaos: workers that are killed and started again, and commands that run to their end.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ChaosStack } from './chaos-stack.ts'

const root = resolve(import.meta.dirname, '../../..')

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** Of what `replay --json` printed, the tables that are not what bronze makes, and how. */
export function unlike(stdout: string): string[] {
  const verdicts = JSON.parse(stdout) as { table: string; verdict: string; proof?: { parts: { equal: boolean }[] } }[]
  return verdicts
    .filter(({ table, verdict }) => verdict !== 'identical' && !table.endsWith('.dbz_signal'))
    .map(({ proof, ...verdict }) => JSON.stringify({ ...verdict, parts: proof?.parts.filter(({ equal }) => !equal) }))
}

export class ChaosWorkers {
  readonly #stack: ChaosStack
  readonly #log: (what: string) => void
  readonly #running = new Map<string, { child: ChildProcess; killed: boolean; ended: Promise<void> }>()
  readonly #again = new Map<string, NodeJS.Timeout>()
  /** Workers that ended though nobody killed them. */
  readonly failures: string[] = []

  constructor(stack: ChaosStack, log: (what: string) => void) {
    this.#stack = stack
    this.#log = log
  }

  get names(): string[] {
    return [...this.#running.keys()]
  }

  /** Starts `binlake run`; if it ends by itself with an error, that is noted, and it is started again in two seconds. */
  start(name: string): void {
    if (this.#running.has(name)) return
    this.#log(`worker ${name} starts`)
    const child = this.#spawn(['run'])
    let tail = ''
    const keep = (text: string) => {
      tail = `${tail}${text}`.slice(-6_000)
      appendFileSync(join(this.#stack.folder, `worker-${name}.log`), text)
    }
    child.stderr!.setEncoding('utf8').on('data', keep)
    child.stdout!.resume()
    const entry = { child, killed: false, ended: Promise.resolve() }
    entry.ended = once(child, 'close').then(([code, signal]) => {
      this.#running.delete(name)
      if (entry.killed) return
      const what = `worker ${name} ended by itself with ${code ?? signal}: ${tail.trim().split('\n').slice(-4).join(' | ')}`
      this.#log(what)
      // «Try again» is what it should say while the broker is away.
      if (code !== 75) this.failures.push(what)
      this.#again.set(
        name,
        setTimeout(() => this.start(name), 2_000),
      )
    })
    this.#running.set(name, entry)
  }

  async kill(name: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    clearTimeout(this.#again.get(name))
    const entry = this.#running.get(name)
    if (!entry) return
    entry.killed = true
    entry.child.kill(signal)
    await entry.ended
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#again.keys(), ...this.names].map(name => this.kill(name, 'SIGTERM')))
  }

  /** Runs `binlake …` to its end. */
  async binlake(...args: string[]): Promise<Ended> {
    const child = this.#spawn(args)
    let [stdout, stderr] = ['', '']
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
    return { code, signal, stdout, stderr }
  }

  #spawn(args: string[]): ChildProcess {
    const { env, folder } = this.#stack
    return spawn(process.execPath, [join(root, 'cli/main.ts'), ...args, '--state', join(folder, 'state')], {
      env: { ...process.env, ...env },
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }
}
