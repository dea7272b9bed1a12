// What goes wrong: kills, restarts, pauses, offsets turned back, rebuilds in between.
import { setTimeout as sleep } from 'node:timers/promises'
import type { RowDataPacket } from 'mysql2/promise'
import { type ConnectorStatus, connectRequest } from '../../../infra/debezium/connect-api.ts'
import { isRunning } from '../../../infra/debezium/connector.ts'
import type { DdlGate } from './chaos-ddl.ts'
import type { Random } from './chaos-random.ts'
import type { ChaosStack } from './chaos-stack.ts'
import { chaosTables } from './chaos-tables.ts'
import { type ChaosWorkers, unlike } from './chaos-workers.ts'

export interface TroubleOptions {
  random: Random
  stack: ChaosStack
  workers: ChaosWorkers
  gate: DdlGate
  signal: AbortSignal
  log: (what: string) => void
  /** Names of troubles to make; default all. */
  only?: readonly string[]
}

interface StoredOffsets {
  offsets: { partition: object; offset: Record<string, unknown> }[]
}

/** Debezium's incremental snapshots need a key; a full one under writers makes a table without one halt. */
const withKey = chaosTables.filter(({ key }) => key.length > 0)

type Trouble = (options: TroubleOptions & { remembered: StoredOffsets[] }) => Promise<void>

const troubles: Record<string, { weight: number; make: Trouble }> = {
  'kill worker': {
    weight: 6,
    make: async ({ random, workers }) => {
      const [name] = workers.names
      if (name === undefined) return
      await workers.kill(name, random.pick(['SIGKILL', 'SIGKILL', 'SIGTERM']))
      await sleep(random.int(1_500))
      workers.start(name)
    },
  },
  'second worker': {
    weight: 3,
    make: async ({ random, workers }) => {
      workers.start('second')
      await sleep(2_000 + random.int(6_000))
      await workers.kill('second', random.pick(['SIGKILL', 'SIGTERM']))
    },
  },
  'kill Connect': {
    weight: 2,
    make: async ({ random, stack }) => {
      await stack.kill('connect')
      await sleep(random.int(2_000))
      await stack.start('connect')
    },
  },
  'kill Kafka': {
    weight: 1,
    make: async ({ random, stack }) => {
      await stack.kill('kafka')
      await sleep(random.int(4_000))
      await stack.start('kafka')
    },
  },
  'restart MySQL': {
    weight: 1,
    make: async ({ random, stack }) => {
      await stack.kill('mysql', random.pick(['SIGKILL', 'SIGTERM']))
      await stack.start('mysql')
    },
  },
  'restart connector': {
    weight: 2,
    make: async ({ stack }) => void (await connector(stack, 'restart?includeTasks=true', 'POST')),
  },
  'pause connector': {
    weight: 1,
    make: async ({ random, stack }) => {
      await connector(stack, 'pause', 'PUT')
      await sleep(random.int(3_000))
      await connector(stack, 'resume', 'PUT')
    },
  },
  'rewind connector': {
    weight: 4,
    make: async ({ random, stack, remembered, log }) => {
      await connector(stack, 'stop', 'PUT')
      await until(async () => (await status(stack))?.connector.state === 'STOPPED')
      const now = await stored(stack)
      // Never forward: between two places Debezium would take the schema of the first for the events behind the second.
      const to = random.pick(remembered.filter(place => now && isBefore(place, now)))
      if (!to) return connector(stack, 'resume', 'PUT')
      await connectRequest(stack.connectUrl, `/connectors/${stack.prefix}/offsets`, { method: 'PATCH', body: to })
      const { file, pos, event, row } = to.offsets[0]!.offset
      log(`rewound to ${file}:${pos}, event ${event ?? 0}, row ${row ?? 0}`)
      await connector(stack, 'resume', 'PUT')
    },
  },
  'binlake replay': {
    weight: 1,
    make: async ({ workers, log }) => {
      const { code, stdout, stderr } = await workers.binlake('replay', '--json')
      if (code === 0) return
      const differing = code === 4 ? unlike(stdout) : []
      log(`replay ended with ${code}: ${[...differing, stderr.slice(-2_000)].join('\n')}`)
      if (code === 4) workers.failures.push(`replay found silver different from what bronze makes: ${differing.join('\n')}`)
    },
  },
  'incremental snapshot': {
    weight: 2,
    make: async ({ random, workers, log }) => {
      const { code, stderr } = await workers.binlake(
        'snapshot',
        random.pick(withKey).name,
        random.pick(withKey).name,
        '--no-wait',
      )
      if (code !== 0) log(`snapshot ended with ${code}: ${stderr.slice(-300)}`)
    },
  },
  'full snapshot': {
    weight: 1,
    make: async ({ random, stack, workers, gate, remembered, log }) => {
      gate.open = false
      try {
        await until(async () => gate.running === 0)
        await caughtUp(stack)
        const { code, stderr } = await workers.binlake('snapshot', random.pick(withKey).name, '--full')
        if (code !== 0) log(`snapshot ended with ${code}: ${stderr.slice(-300)}`)
        await caughtUp(stack)
      } finally {
        gate.open = true
        // Turned back to before it, the connector would meet its signal again, and take it of tables that have changed since.
        remembered.length = 0
      }
    },
  },
  'flush binary logs': { weight: 2, make: ({ stack }) => stack.asRoot('FLUSH BINARY LOGS') },
}

export const troubleNames: readonly string[] = Object.keys(troubles)

/** One trouble after another until the signal. A trouble that cannot be made is logged; the connector is brought to run again after each. */
export async function makeTrouble(options: TroubleOptions): Promise<Record<string, number>> {
  const { random, stack, signal, log, only = troubleNames } = options
  const remembered: StoredOffsets[] = []
  const made: Record<string, number> = {}
  const names = only.flatMap(name => Array.from({ length: troubles[name]!.weight }, () => name))
  while (!signal.aborted) {
    await sleep(300 + random.int(2_500))
    await remember(stack, remembered)
    if (signal.aborted) break
    const name = random.pick(names)
    log(`trouble: ${name}`)
    try {
      await troubles[name]!.make({ ...options, remembered })
      made[name] = (made[name] ?? 0) + 1
    } catch (error) {
      log(`${name} could not be made: ${(error as Error).message.slice(0, 300)}`)
    }
    await mendConnector(stack, log).catch((error: Error) => log(error.message))
  }
  return made
}

/** Positions the connector can be turned back to: not those within its first snapshot. */
async function remember(stack: ChaosStack, remembered: StoredOffsets[]): Promise<void> {
  const now = await stored(stack).catch(() => undefined)
  if (now && now.offsets[0]?.offset.snapshot === undefined) remembered.push(now)
}

/** Undefined: none yet. */
async function stored({ connectUrl, prefix }: ChaosStack): Promise<StoredOffsets | undefined> {
  const found = await connectRequest<StoredOffsets>(connectUrl, `/connectors/${prefix}/offsets`)
  return found?.offsets[0] && found
}

function isBefore(a: StoredOffsets, b: StoredOffsets): boolean {
  const place = ({ offsets }: StoredOffsets) => {
    const { file, pos, event, row } = offsets[0]!.offset
    return [Number(String(file).split('.').at(-1)), Number(pos), Number(event ?? 0), Number(row ?? 0)]
  }
  const [left, right] = [place(a), place(b)]
  const differs = left.findIndex((part, i) => part !== right[i])
  return differs >= 0 && left[differs]! < right[differs]!
}

/** As an operator would: starts what has failed again, until everything runs. */
export async function mendConnector(stack: ChaosStack, log: (what: string) => void): Promise<void> {
  const deadline = Date.now() + 90_000
  for (let looks = 0; ; looks++) {
    const now = await status(stack).catch(() => undefined)
    if (isRunning(now)) return
    const failed = now && [now.connector, ...now.tasks].find(({ state }) => state === 'FAILED')
    if (failed && looks % 10 === 9) {
      log(
        `connector failed: ${(failed.trace ?? '')
          .split('\n')
          .filter(line => /^\S|Caused/.test(line))
          .join(' | ')
          .slice(0, 600)}`,
      )
      await connector(stack, 'restart?includeTasks=true&onlyFailed=true', 'POST').catch(() => {})
    }
    if (now?.connector.state === 'STOPPED' || now?.connector.state === 'PAUSED')
      await connector(stack, 'resume', 'PUT').catch(() => {})
    if (Date.now() > deadline) throw new Error(`the connector does not run again: ${JSON.stringify(now).slice(0, 2_000)}`)
    await sleep(200)
  }
}

function status({ connectUrl, prefix }: ChaosStack): Promise<ConnectorStatus | undefined> {
  return connectRequest<ConnectorStatus>(connectUrl, `/connectors/${prefix}/status`)
}

async function connector({ connectUrl, prefix }: ChaosStack, what: string, method: string): Promise<void> {
  await connectRequest(connectUrl, `/connectors/${prefix}/${what}`, { method })
}

/** Once the connector's stored offset is past all that MySQL has written by now. */
async function caughtUp(stack: ChaosStack): Promise<void> {
  const connection = await stack.connect()
  const [[now]] = await connection.query<RowDataPacket[]>('SHOW BINARY LOG STATUS')
  await connection.end()
  const here: StoredOffsets = { offsets: [{ partition: {}, offset: { file: now!.File, pos: now!.Position } }] }
  await until(async () => {
    const at = await stored(stack)
    return at !== undefined && !isBefore(at, here)
  })
}

async function until(done: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error('the connector was waited for in vain')
    await sleep(100)
  }
}
