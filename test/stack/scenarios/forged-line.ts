// Records of a test's own making on a real broker, as Debezium would publish them; and binlake's command line on their lake.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admin, Producer, type ProducerOptions, stringSerializers } from '@platformatic/kafka'
import { schema } from '../../unit/processors/lake-of-events.ts'
import { keepEverything } from '../../unit/scenarios/forge.ts'
import { c, type Forged, keyText, valueText } from '../../unit/scenarios/forged-event.ts'
import { type Binlake, binlakeIn } from '../binlake.ts'
import { openStack } from '../shop/stack.ts'

export interface ForgedLine {
  /** Of table `t`. */
  topic: string
  admin: Admin
  producer: Producer<string, string, string, string>
  /** What the producer sends to tell of the table. */
  told: Message
  binlake: Binlake
  close(): Promise<void>
}

export interface Message {
  topic: string
  partition: number
  key: string
  value: string
}

/** Makes the topics; nothing is sent yet. `transactional`: the producer's records come in transactions. */
export async function openForgedLine({ transactional = false } = {}): Promise<ForgedLine> {
  const stack = await openStack()
  const prefix = `forged_${randomUUID().slice(0, 8)}`
  const topic = `${prefix}.shop.t`
  const folder = await mkdtemp(join(tmpdir(), 'binlake-forged-'))
  const place = { clientId: prefix, bootstrapBrokers: [stack.brokers] }
  const admin = new Admin(place)
  await admin.createTopics({ topics: [prefix, topic], partitions: 1, replicas: 1 })
  const options: ProducerOptions<string, string, string, string> = { ...place, serializers: stringSerializers }
  // The client's timeout is also the transaction's: the broker aborts one that stays open for longer.
  const transactions = { idempotent: true, transactionalId: prefix, timeout: 120_000 }
  const producer = new Producer(transactional ? { ...options, ...transactions } : options)
  await writeFile(join(folder, 'policy.yaml'), keepEverything([schema]))
  const columns = schema.columns.map(column => ({ ...column, length: 20 }))
  const change = { type: 'CREATE', id: '"shop"."t"', table: { primaryKeyColumnNames: ['id'], columns } }
  const source = JSON.parse(valueText({ ...c(1, ''), pos: 1 })!).source as Record<string, unknown>
  const value = { source, databaseName: 'shop', ddl: 'CREATE TABLE t (…)', tableChanges: [change], ts_ms: 1 }
  return {
    topic,
    admin,
    producer,
    told: { topic: prefix, partition: 0, key: '{"databaseName":"shop"}', value: JSON.stringify(value) },
    binlake: binlakeIn(folder, {
      BINLAKE_KAFKA_BROKERS: stack.brokers,
      BINLAKE_TOPIC_PREFIX: prefix,
      BINLAKE_GROUP: prefix,
      BINLAKE_LAKE_URL: `file://${folder}/lake`,
      BINLAKE_MERGE_INTERVAL: '1s',
      BINLAKE_POLICY: join(folder, 'policy.yaml'),
      BINLAKE_KEYS: join(folder, 'keys'),
      BINLAKE_CACHE: join(folder, 'cache'),
    }),
    async close() {
      await producer.close()
      await admin.deleteTopics({ topics: [prefix, topic] })
      await admin.close()
      await stack.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A change of table `t` at a place in the binlog. */
export function messageOf(topic: string, event: Forged & { pos: number }): Message {
  return { topic, partition: 0, key: keyText(event)!, value: valueText(event)! }
}
