// `npm run bench`: a topic of real Debezium events, filled once and kept, then Kafka -> bronze -> silver measured cold.
// Guarantee: what is measured is the command that users run, in a process of its own, from its start to its end, on an empty lake.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { glob, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Table from 'cli-table3'
import { Command, InvalidArgumentError } from 'commander'
import { pino } from 'pino'
import { openKafka } from '../connectors/kafka.ts'
import { loadStack } from '../infra/state.ts'
import { fillOrders } from './fill.ts'

interface Measured {
  /** Row changes that reached silver. */
  events: number
  seconds: number
  eventsPerSecond: number
  /** Largest resident set of the process. */
  peakMemoryMB: number
  /** Parquet and log files of bronze, silver and history. */
  writtenMB: number
  commits: number
}

const cli = resolve(import.meta.dirname, '../cli/main.ts')
const topic = 'shop.shop.orders'

new Command('bench')
  .description(
    'Measures Kafka -> bronze -> silver on this machine. The servers run as local processes; the topic is filled once and kept.',
  )
  .option('--events <n>', 'row changes in the topic', count, 1_000_000)
  .option('--rounds <n>', 'runs, each on an empty lake', count, 3)
  .option('--state <folder>', 'where the servers keep their data', '.binlake/bench')
  .option('--json', 'print the figures as JSON')
  .action(async (options: { events: number; rounds: number; state: string; json?: boolean }) => {
    const state = resolve(options.state)
    await command(['up', '--stack', 'local', '--state', state])
    await fillTopic(state, options.events)
    const rounds: Measured[] = []
    for (let i = 0; i < options.rounds; i++) rounds.push(await measure(state))
    if (options.json) process.stdout.write(`${JSON.stringify({ topic, rounds, median: median(rounds) }, null, 2)}\n`)
    else process.stdout.write(`${drawn(rounds)}\n`)
    process.stderr.write(
      `The servers are still running, with the filled topic; stop them with: npx binlake down --state ${options.state}\n`,
    )
  })
  .parse()

/** Makes MySQL's changes and waits until Debezium has published them. */
async function fillTopic(state: string, events: number): Promise<void> {
  const stack = await loadStack(state)
  const { BINLAKE_MYSQL_URL: mysql, BINLAKE_KAFKA_BROKERS: brokers } = stack!.env
  await fillOrders(mysql!, events, done => say(`\rfilling MySQL: ${done.toLocaleString('en')} changes`))
  const settings = {
    brokers: [brokers!],
    group: 'bench-ends',
    topicPrefix: 'shop',
    batch: { records: 1, bytes: 1, ageMs: 1 },
    spoolDir: tmpdir(),
  }
  const source = openKafka(settings, pino({ level: 'silent' }))
  try {
    for (let published = 0; published < events; ) {
      published = Number((await source.ends()).get(topic)?.partitions.get(0) ?? 0n)
      say(`\rDebezium has published ${published.toLocaleString('en')} of ${events.toLocaleString('en')}   `)
      if (published < events) await sleep(1_000)
    }
  } finally {
    await source.close()
    say('\n')
  }
}

/** One `binlake run --until-caught-up` on an empty lake. */
async function measure(state: string): Promise<Measured> {
  const lake = await mkdtemp(join(tmpdir(), 'binlake-bench-'))
  try {
    const began = performance.now()
    const { output, peak } = await command(['run', '--until-caught-up', '--json', '--state', state, '--lake', `file://${lake}`], {
      BINLAKE_GROUP: `bench-${randomUUID()}`,
    })
    const seconds = (performance.now() - began) / 1_000
    const { changes } = JSON.parse(output) as { changes: number }
    const written = await sizes(lake)
    return {
      events: changes,
      seconds: rounded(seconds, 2),
      eventsPerSecond: Math.round(changes / seconds),
      peakMemoryMB: Math.round(peak / 1e6),
      writtenMB: rounded(written.bytes / 1e6, 1),
      commits: written.commits,
    }
  } finally {
    await rm(lake, { recursive: true, force: true })
  }
}

/** Runs the command line; its messages go to stderr. `peak` is its largest resident set in bytes (read from /proc, so on Linux only). */
async function command(args: string[], env: Record<string, string> = {}): Promise<{ output: string; peak: number }> {
  const child = spawn(process.execPath, [cli, ...args], {
    env: { ...process.env, ...env, LOG: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  let peak = 0
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const watch = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
    peak = Math.max(peak, 1_024 * Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0))
  }, 50)
  const [code] = (await once(child, 'close')) as [number | null]
  clearInterval(watch)
  if (code !== 0) throw new Error(`binlake ${args.join(' ')} ended with code ${code}`)
  return { output, peak }
}

async function sizes(lake: string): Promise<{ bytes: number; commits: number }> {
  let bytes = 0
  let commits = 0
  for await (const file of glob('**/*.{parquet,json}', { cwd: lake })) {
    bytes += (await stat(join(lake, file))).size
    if (file.endsWith('.json')) commits++
  }
  return { bytes, commits }
}

function median(rounds: readonly Measured[]): Measured {
  return [...rounds].sort((a, b) => a.eventsPerSecond - b.eventsPerSecond)[Math.floor(rounds.length / 2)]!
}

function drawn(rounds: readonly Measured[]): string {
  const table = new Table({
    head: ['round', 'events', 'seconds', 'events/s', 'peak memory', 'written', 'commits'],
    style: { head: [], border: [] },
  })
  const row = (name: string, m: Measured) => [
    name,
    m.events.toLocaleString('en'),
    m.seconds,
    m.eventsPerSecond.toLocaleString('en'),
    `${m.peakMemoryMB} MB`,
    `${m.writtenMB} MB`,
    m.commits,
  ]
  table.push(...rounds.map((round, i) => row(String(i + 1), round)), row('median', median(rounds)))
  return table.toString()
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number above 0')
  return value
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

function say(text: string): void {
  process.stderr.write(text)
}
