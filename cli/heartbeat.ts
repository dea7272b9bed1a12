// When the connector was last heard of, by its heartbeat: also when no table changes.
import { newestRecord } from '../connectors/follow-topic.ts'
import { type Config, need } from './config.ts'
import { embeddedFolder, security } from './open-source.ts'

/** ISO 8601, UTC, of the connector's clock; undefined: it sends none (`heartbeat.interval.ms`). Throws KafkaError. */
export async function heartbeat(config: Config): Promise<string | undefined> {
  const brokers = need(config.kafka.brokers, 'kafka.brokers')
  if (embeddedFolder(brokers[0]!)) return undefined
  const topic = `__debezium-heartbeat.${need(config.kafka.prefix, 'kafka.prefix')}`
  const record = await newestRecord({ brokers, ...security(config) }, topic)
  if (!record) return undefined
  const { ts_ms: told } = (JSON.parse(record.value) as { payload?: { ts_ms?: number }; ts_ms?: number }) ?? {}
  return new Date(told ?? record.at).toISOString()
}
