// Opens the configured change log: Kafka, or the embedded one.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { KafkaSettings } from '../connectors/kafka-group.ts'
import type { Source } from '../connectors/source.ts'
import { type Config, need } from './config.ts'

/** The source and what it needs while it is open. Closing removes its spool files. */
export interface OpenSource extends AsyncDisposable {
  source: Source
}

/** Throws ConfigError if no source is configured. Nothing is connected before the first call. */
export async function openSource(config: Config, log: Logger): Promise<OpenSource> {
  const brokers = need(config.kafka.brokers, 'kafka.brokers')
  const topicPrefix = need(config.kafka.prefix, 'kafka.prefix')
  const spoolDir = await mkdtemp(join(tmpdir(), 'binlake-spool-'))
  const { openKafka } = await import('../connectors/kafka.ts')
  const source = openKafka({ brokers, topicPrefix, spoolDir, ...kafkaSettings(config) }, log)
  return {
    source,
    async [Symbol.asyncDispose]() {
      await source.close()
      await rm(spoolDir, { recursive: true, force: true })
    },
  }
}

function kafkaSettings({ kafka, batch }: Config): Omit<KafkaSettings, 'brokers' | 'topicPrefix' | 'spoolDir'> {
  const { enabled, ca, cert, key } = kafka.tls
  const { mechanism, username, password } = kafka.sasl
  const files = {
    ...(ca ? { ca: readFileSync(ca) } : {}),
    ...(cert ? { cert: readFileSync(cert) } : {}),
    ...(key ? { key: readFileSync(key) } : {}),
  }
  return {
    group: kafka.group,
    batch: { records: batch.records, bytes: batch.bytes, ageMs: batch.age },
    ...(enabled || Object.keys(files).length > 0 ? { tls: files } : {}),
    ...(mechanism ? { sasl: { mechanism, ...(username ? { username } : {}), ...(password ? { password } : {}) } } : {}),
  }
}
