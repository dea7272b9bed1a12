// A shop of a test's own: database, connector, topics, consumer group, lake, mask keys; and binlake's command line on it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { ObjectStore } from '../../../connectors/object-store.ts'
import { openStore } from '../../../connectors/open-store.ts'
import { createKey } from '../../../privacy/keys.ts'
import { openShopDatabase } from '../../../shop/mysql-shop.ts'
import { startCapture } from '../shop/capture.ts'
import { openStack } from '../shop/stack.ts'

const root = resolve(import.meta.dirname, '../../..')

export interface Finished {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface ShopLine {
  database: string
  mysqlUrl: string
  /** The lake on the stack's Azurite. */
  store: ObjectStore
  /** Starts `binlake …`: `joined` is when it has its partitions, `finished` its end. */
  start(...args: string[]): { child: ChildProcess; finished: Promise<Finished>; joined: Promise<void> }
  /** Runs `binlake …` to its end. */
  binlake(...args: string[]): Promise<Finished>
  /** Runs the line until `verify` finds every table equal; returns the last verdict. */
  settle(): Promise<{ equal: boolean; tables: { table: string; rows: { source: number; silver: number } }[] }>
  close(): Promise<void>
}

/** `before` puts rows into the shop before the connector takes its snapshot. */
export async function openShopLine({ before = async (_mysqlUrl: string) => {} } = {}): Promise<ShopLine> {
  const stack = await openStack()
  const database = `line_${Math.random().toString(36).slice(2, 10)}`
  const folder = await mkdtemp(join(tmpdir(), 'binlake-line-'))
  const mysqlUrl = await stack.ownDatabase(database)
  await (await openShopDatabase(mysqlUrl)).end()
  await before(mysqlUrl)
  const capture = await startCapture(stack, { database, prefix: database })
  await createKey(join(folder, 'keys'), { domain: 'email', version: 'v1' })
  const azure = stack.azure
  const env = {
    ...process.env,
    BINLAKE_KAFKA_BROKERS: stack.brokers,
    BINLAKE_TOPIC_PREFIX: database,
    BINLAKE_GROUP: database,
    BINLAKE_LAKE_URL: `az://${database}`,
    AZURE_STORAGE_CONNECTION_STRING: azure,
    BINLAKE_MYSQL_URL: mysqlUrl,
    BINLAKE_CONNECT_URL: stack.connectUrl,
    BINLAKE_MERGE_INTERVAL: '2s',
    BINLAKE_POLICY: join(root, 'shop/policy.yaml'),
    BINLAKE_KEYS: join(folder, 'keys'),
    BINLAKE_CACHE: join(folder, 'cache'),
    LOG: 'info',
  }
  const store = await openStore(env.BINLAKE_LAKE_URL, { azureConnectionString: azure, cacheDir: join(folder, 'cache-of-test') })

  const start = (...args: string[]) => {
    const child = spawn(process.execPath, [join(root, 'cli/main.ts'), ...args, '--state', join(folder, 'state')], {
      env,
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    const joined = Promise.withResolvers<void>()
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
      if (stderr.includes('joined the consumer group')) joined.resolve()
    })
    const finished = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }) as Finished)
    return { child, finished, joined: joined.promise }
  }
  const binlake = (...args: string[]) => start(...args).finished

  return {
    database,
    mysqlUrl,
    store,
    start,
    binlake,
    async settle() {
      // Debezium publishes what MySQL has committed a moment later, so one round may come too early.
      for (let rounds = 1; ; rounds++) {
        const run = await binlake('run', '--until-caught-up')
        if (run.code !== 0) throw new Error(`run ended with ${run.code}: ${run.stderr}`)
        const verify = await binlake('verify', '--json', '--patience', '5')
        if (verify.code === 0 || rounds === 10) return JSON.parse(verify.stdout)
      }
    },
    async close() {
      await capture.close()
      await store.close()
      await stack.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
