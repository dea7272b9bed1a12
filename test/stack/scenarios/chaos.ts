// Scenario 57: random business on a real MySQL while connector, Connect, broker and binlake are killed and turned back; then peace,
// and silver must equal MySQL. Guarantee: business and troubles come from one seed; when exactly each meets the other does not.
import { appendFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from 'mysql2/promise'
import { generate } from '../../../shop/generate.ts'
import { checkAll, settle } from './chaos-checks.ts'
import { type DdlGate, type DdlKind, ddlKinds, newEvolution } from './chaos-ddl.ts'
import { type Random, randomOf } from './chaos-random.ts'
import { type ChaosStack, openChaosStack } from './chaos-stack.ts'
import { chaosTables } from './chaos-tables.ts'
import { makeTrouble, mendConnector } from './chaos-trouble.ts'
import { ChaosWorkers } from './chaos-workers.ts'
import { type Written, writeUntil } from './chaos-writer.ts'

export interface ChaosOptions {
  /** Where the stack, the lake and the log go. The log, `chaos.log`, is left there. */
  folder: string
  seconds: number
  seed: number
  /** Changes of tables to make; default all kinds. */
  ddl?: readonly DdlKind[]
  /** Troubles to make; default all. */
  troubles?: readonly string[]
  /** Servers and lake stay as they are. */
  keep?: boolean
  onLog?: (line: string) => void
}

export interface ChaosResult {
  /** Everything that was wrong, in words; empty: all is well. */
  wrong: string[]
  written: Written[]
  troubles: Record<string, number>
}

export async function chaos({ folder, seconds, seed, ...options }: ChaosOptions): Promise<ChaosResult> {
  await mkdir(folder, { recursive: true })
  const began = Date.now()
  const log = (what: string) => {
    const line = `${((Date.now() - began) / 1_000).toFixed(2).padStart(8)} ${what}`
    appendFileSync(join(folder, 'chaos.log'), `${line}\n`)
    options.onLog?.(line)
  }
  log(`seed ${seed}, ${seconds} s`)
  const random = randomOf(seed)
  const stack = await openChaosStack(folder, connection => firstRows(connection, seed))
  const workers = new ChaosWorkers(stack, log)
  try {
    return await disturb({ stack, workers, log, random }, { seconds, seed, ...options })
  } catch (error) {
    log(`broke off: ${(error as Error).stack}`)
    throw error
  } finally {
    if (!options.keep) {
      await workers.stopAll()
      await stack.close()
    }
  }
}

interface Field {
  stack: ChaosStack
  workers: ChaosWorkers
  log: (what: string) => void
  random: Random
}

async function disturb(
  { stack, workers, log, random }: Field,
  { seconds, seed, ...options }: Omit<ChaosOptions, 'folder'>,
): Promise<ChaosResult> {
  const end = new AbortController()
  log('the stack is up')
  const evolution = newEvolution(options.ddl ?? ddlKinds)
  const gate: DdlGate = { open: true, running: 0 }
  const writer = () => writeUntil({ random: random.fork(), connect: stack.connect, evolution, gate, signal: end.signal, log })
  workers.start('first')
  const shop = generate({ mysqlUrl: stack.mysqlUrl }, { seed, customers: 30, orders: 1, rate: 15, forMs: seconds * 1_000 }).catch(
    error => log(`shop: ${(error as Error).message}`),
  )
  const writers = [writer(), writer()]
  const { troubles: only } = options
  const trouble = makeTrouble({ random: random.fork(), stack, workers, gate, signal: end.signal, log, ...(only ? { only } : {}) })
  await Promise.race([sleep(seconds * 1_000), ...writers, trouble])
  end.abort()
  const ended = Promise.all([trouble, shop, ...writers] as const)
  const [troubles, , ...written] = await Promise.race([ended, late(150_000)])
  log(`over: ${JSON.stringify({ troubles, written })}`)
  await stack.endPrepared()
  await workers.stopAll()
  await mendConnector(stack, log)
  const unsettled = await settle(workers)
  log('settled')
  const wrong = [...workers.failures, ...unsettled, ...(await checkAll(stack, workers))]
  for (const finding of wrong) log(`WRONG ${finding}`)
  log(wrong.length === 0 ? 'all is well' : `${wrong.length} things are wrong`)
  return { wrong, written, troubles }
}

async function late(ms: number): Promise<never> {
  await sleep(ms, undefined, { ref: false })
  throw new Error('writers or troubles did not end')
}

/** What the connector's first snapshot finds. */
async function firstRows(connection: Connection, seed: number): Promise<void> {
  const random = randomOf(seed + 1)
  for (const { name, key, keyOf, values } of chaosTables) {
    const columns = [...key, ...Object.keys(values)]
    for (let i = 0; i < 40; i++) {
      const row = [...keyOf(random), ...Object.values(values).map(value => value(random))]
      await connection.query(
        `INSERT IGNORE INTO ${name} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
        row,
      )
    }
  }
}
