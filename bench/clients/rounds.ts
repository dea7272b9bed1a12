// Runs contenders in processes of their own, in turn, several rounds; the middle of the rounds counts.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

export interface Contender {
  name: string
  /** The script to run; it gets `task` as JSON and an empty folder as arguments, and prints a Measured as JSON. */
  script: string
  task: object
  /** Contenders that do the same work. The first of them is what the others are compared with. */
  work: string
}

/** What a contender's process prints. */
export interface Measured {
  rows: number
  seconds: number
  /** Processor time of the whole process in that time: on a busy machine the steadier figure. */
  cpuSeconds: number
  /** The most memory that the process held. */
  peakBytes: number
  /** Of the file it made, if it made one. */
  fileBytes?: number
  /** Equal if and only if the same rows came out. Compared within `work`. */
  digest: string
}

export type Results = Map<Contender, Measured[]>

/** Throws if a process fails, or if two contenders with the same work differ in what they made. */
export async function runRounds(contenders: readonly Contender[], rounds: number, say: (text: string) => void): Promise<Results> {
  const results: Results = new Map(contenders.map(contender => [contender, []]))
  for (let round = 0; round < rounds; round++) {
    // Each round begins with another one, so that none is always the one behind the slowest.
    for (let i = 0; i < contenders.length; i++) {
      const contender = contenders[(round + i) % contenders.length]!
      const measured = await runOnce(contender)
      results.get(contender)!.push(measured)
      const perSecond = Math.round(measured.rows / measured.seconds).toLocaleString('en')
      say(`round ${round + 1}/${rounds}  ${contender.name.padEnd(44)} ${perSecond.padStart(10)} rows/s\n`)
    }
  }
  for (const same of Map.groupBy(contenders, contender => contender.work).values()) {
    const made = new Set(same.flatMap(contender => results.get(contender)!.map(({ rows, digest }) => `${rows} rows, ${digest}`)))
    if (made.size > 1)
      throw new Error(`not the same rows came out of ${same.map(({ name }) => name).join(', ')}: ${[...made].join(' | ')}`)
  }
  return results
}

/** Runs a contender in a process of its own, with a folder that is removed afterwards. */
export async function runOnce({ name, script, task }: Contender): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'binlake-bench-'))
  try {
    const args = [join(import.meta.dirname, script), JSON.stringify(task), folder]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
    if (code !== 0) throw new Error(`${name} ended with exit code ${code}`)
    return JSON.parse(printed) as Measured
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The task and the folder that `runOnce` gave this process. */
export function ownTask<Task>(): Task & { folder: string } {
  return { ...(JSON.parse(process.argv[2]!) as Task), folder: process.argv[3]! }
}

/** Starts a clock; the answer stops it. */
export function startClock(): () => { seconds: number; cpuSeconds: number } {
  const started = performance.now()
  const cpuAtStart = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(cpuAtStart)
    return { seconds: (performance.now() - started) / 1_000, cpuSeconds: (user + system) / 1e6 }
  }
}

/** The most memory this process has held, in bytes. */
export function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024
}
