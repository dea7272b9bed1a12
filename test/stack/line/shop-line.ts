// A shop of a test's own: database, connector, topics, consumer group, lake, mask keys; and binlake's command line on it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { ObjectStore } from '../../../connectors/object-store.ts'
import { openStore } from '../../../connectors/open-store.ts'
import { createKey } from '../../../privacy/keys.ts'
import { openShopDatabase } from '../../../shop/mysql-shop.ts'
import { binlakeIn, type Finished, type Started, settle, type Verified } from '../binlake.ts'
import { startCapture } from '../shop/capture.ts'
import { openStack } from '../shop/stack.ts'

const root = resolve(import.meta.dirname, '../../..')

export interface ShopLine {
  database: string
  mysqlUrl: string
  /** The lake on the stack's Azurite. */
  store: ObjectStore
  /** Starts `binlake …`: `joined` is when it has its partitions. */
  start(...args: string[]): Started & { joined: Promise<void> }
  /** Runs `binlake …` to its end. */
  binlake(...args: string[]): Promise<Finished>
  /** Runs the line until `verify` finds every table equal; returns the last verdict. */
  settle(): Promise<Verified>
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

  const begin = binlakeIn(folder, env)
  const start: ShopLine['start'] = (...args) => {
    const started = begin(args)
    const joined = Promise.withResolvers<void>()
    started.child.stderr!.on('data', () => {
      if (started.told().includes('joined the consumer group')) joined.resolve()
    })
    return { ...started, joined: joined.promise }
  }

  return {
    database,
    mysqlUrl,
    store,
    start,
    binlake: (...args) => begin(args).finished,
    settle: () => settle(begin),
    async close() {
      await capture.close()
      await store.close()
      await stack.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
