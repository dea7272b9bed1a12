// Opens the configured source: its change log (Kafka, or the embedded one), and its own tables.
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import type { Logger } from 'pino'
import type { KafkaSettings } from '../connectors/kafka-group.ts'
import { makeOwnFolder, removeOwnFolder } from '../connectors/own-folder.ts'
import type { Source } from '../connectors/source.ts'
import type { SourceRows } from '../connectors/source-rows.ts'
import { type Config, need } from './config.ts'

/** A source of changes while it is open. Closing removes its spool files. */
export interface OpenSource extends AsyncDisposable {
  source: Source
}

/** Throws ConfigError if no source is configured. Nothing is connected before the first call. */
export async function openSource(
  config: Config,
  log: Logger,
  own: Pick<KafkaSettings, 'only'> & { group?: string } = {},
): Promise<OpenSource> {
  const brokers = need(config.kafka.brokers, 'kafka.brokers')
  const topicPrefix = need(config.kafka.prefix, 'kafka.prefix')
  const { notifications, signals } = config.kafka
  const { records, bytes, age } = config.batch
  const spoolDir = await makeOwnFolder(tmpdir(), 'binlake-spool')
  const shared = { topicPrefix, spoolDir, batch: { records, bytes, ageMs: age } }
  const dir = embeddedFolder(brokers[0]!)
  const source = dir
    ? (await import('../connectors/embedded.ts')).openEmbedded({ ...shared, dir }, log)
    : (await import('../connectors/kafka.ts')).openKafka(
        {
          ...shared,
          brokers,
          group: config.kafka.group,
          ...(notifications ? { notifications } : {}),
          ...(signals ? { signals } : {}),
          ...security(config),
          ...own,
        },
        log,
      )
  return {
    source,
    async [Symbol.asyncDispose]() {
      await source.close()
      await removeOwnFolder(spoolDir)
    },
  }
}

/** The source's own tables as they are now, to compare with. Throws ConfigError, MysqlError. */
export async function openSourceRows(config: Config): Promise<SourceRows> {
  const url = need(config.mysql.url, 'mysql.url')
  const dir = embeddedFolder(url)
  if (!dir) return (await import('../connectors/mysql.ts')).openMysqlRows(url, { lock: config.verify.lock })
  const [{ readEmbeddedTable }, { shopDatabase, shopTables }] = await Promise.all([
    import('../shop/read-embedded.ts'),
    import('../shop/tables.ts'),
  ])
  return {
    position: `the embedded shop in ${dir}`,
    async rows({ database, table }, columns) {
      if (database !== shopDatabase || !shopTables.some(({ name }) => name === table)) return undefined
      return inOrder(readEmbeddedTable(dir, table), columns)
    },
    async [Symbol.asyncDispose]() {},
  }
}

async function* inOrder(
  rows: AsyncIterable<Record<string, string | null>>,
  columns: readonly { name: string }[],
): AsyncGenerator<(string | null)[]> {
  for await (const row of rows) yield columns.map(({ name }) => row[name] ?? null)
}

/** The folder that stands in place of a server's address; undefined for a real one. */
export function embeddedFolder(address: string): string | undefined {
  return /^embedded:(.+)$/s.exec(address)?.[1]
}

/** How the configured cluster is spoken to. */
export function security({ kafka }: Config): Pick<KafkaSettings, 'tls' | 'sasl'> {
  const { enabled, ca, cert, key } = kafka.tls
  const { mechanism, username, password } = kafka.sasl
  const files = {
    ...(ca ? { ca: readFileSync(ca) } : {}),
    ...(cert ? { cert: readFileSync(cert) } : {}),
    ...(key ? { key: readFileSync(key) } : {}),
  }
  return {
    ...(enabled || Object.keys(files).length > 0 ? { tls: files } : {}),
    ...(mechanism ? { sasl: { mechanism, ...(username ? { username } : {}), ...(password ? { password } : {}) } } : {}),
  }
}
