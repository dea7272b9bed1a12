// A small topic from its end on, or its newest record: Debezium's notifications and heartbeats, read for a person who waits.
// Guarantee: no group of the line's is joined and no offset committed; only committed records are given.
import { randomUUID } from 'node:crypto'
import { Consumer } from '@platformatic/kafka'
import { kafkaError } from './kafka-errors.ts'
import { connectionOptions, type KafkaSettings } from './kafka-group.ts'

export interface TopicRecord {
  value: string
  /** Kafka's timestamp, milliseconds since 1970. */
  at: number
}

type Cluster = Pick<KafkaSettings, 'brokers' | 'tls' | 'sasl'>

/**
 * Remembers where the topic ends now; the records after that come from `records`, until the signal. Undefined: there is no such topic.
 * Partition 0 alone: Debezium writes no other. Throws KafkaError.
 */
export async function followTopic(
  cluster: Cluster,
  topic: string,
): Promise<({ records(signal: AbortSignal): AsyncGenerator<TopicRecord> } & AsyncDisposable) | undefined> {
  const consumer = open(cluster)
  try {
    const ends = await consumer.listOffsets({ topics: [topic], isolationLevel: 1 }).catch(missing)
    const end = ends?.get(topic)?.[0]
    if (end === undefined) {
      await consumer.close(true)
      return undefined
    }
    return {
      records: signal => read(consumer, { topic, from: end, signal }),
      [Symbol.asyncDispose]: () => consumer.close(true),
    }
  } catch (error) {
    await consumer.close(true).catch(() => {})
    throw kafkaError(error, cluster.brokers)
  }
}

/** The newest record; undefined: there is none, or none came to light within `withinMs`. Throws KafkaError. */
export async function newestRecord(cluster: Cluster, topic: string, withinMs = 3_000): Promise<TopicRecord | undefined> {
  const consumer = open(cluster)
  try {
    const ends = await consumer.listOffsets({ topics: [topic], isolationLevel: 1 }).catch(missing)
    const end = ends?.get(topic)?.[0]
    if (end === undefined || end === 0n) return undefined
    // Markers of transactions stand between the records.
    const from = end > 64n ? end - 64n : 0n
    let newest: TopicRecord | undefined
    for await (const record of read(consumer, { topic, from, to: end, signal: AbortSignal.timeout(withinMs) })) newest = record
    return newest
  } catch (error) {
    throw kafkaError(error, cluster.brokers)
  } finally {
    await consumer.close(true).catch(() => {})
  }
}

function open(cluster: Cluster): Consumer<Buffer, Buffer, Buffer, Buffer> {
  const group = `binlake-look-${randomUUID()}`
  const settings = { ...cluster, group, topicPrefix: '', spoolDir: '', batch: { records: 0, bytes: 0, ageMs: 0 } }
  return new Consumer<Buffer, Buffer, Buffer, Buffer>({ ...connectionOptions(settings), groupId: group })
}

function missing(error: unknown): undefined {
  if (/UNKNOWN_TOPIC|unknown topic|does not exist/i.test(String((error as Error).stack ?? error))) return undefined
  const causes = (error as { errors?: unknown[] }).errors ?? []
  if (causes.some(cause => /UNKNOWN_TOPIC|unknown topic/i.test(String((cause as Error).message)))) return undefined
  throw error
}

async function* read(
  consumer: Consumer<Buffer, Buffer, Buffer, Buffer>,
  { topic, from, to, signal }: { topic: string; from: bigint; to?: bigint; signal: AbortSignal },
): AsyncGenerator<TopicRecord> {
  const stream = await consumer.consume({
    topics: [topic],
    mode: 'manual',
    offsets: [{ topic, partition: 0, offset: from }],
    autocommit: false,
    isolationLevel: 1,
    maxWaitTime: 250,
  })
  const close = () => void stream.close().catch(() => {})
  signal.addEventListener('abort', close, { once: true })
  // Beyond the last record there may be markers, which no stream gives: silence means the end.
  let heard = Date.now() + 500
  const quiet = to === undefined ? undefined : setInterval(() => Date.now() - heard > 500 && close(), 100)
  try {
    if (signal.aborted) return
    for await (const { offset, timestamp, value } of stream) {
      heard = Date.now()
      if (value?.length) yield { value: value.toString(), at: Number(timestamp) }
      if (to !== undefined && offset >= to - 1n) return
    }
  } finally {
    clearInterval(quiet)
    signal.removeEventListener('abort', close)
    await stream.close().catch(() => {})
  }
}
