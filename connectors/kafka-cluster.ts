// What is asked of a Kafka cluster beside group membership: where topics begin and end, and their records, from each partition's leader.
// Guarantee: a broker that is away is waited for, within bounds; what cannot heal by waiting is an error at once.
import { setTimeout as sleep } from 'node:timers/promises'
import { type ClusterMetadata, ConnectionPool, type Consumer } from '@platformatic/kafka'
import type { Logger } from 'pino'
import { fetchError, isStale, KafkaError, kafkaError } from './kafka-errors.ts'
import { type FetchedPartition, fetchRaw } from './kafka-fetch.ts'
import { connectionOptions, type KafkaSettings } from './kafka-group.ts'
import type { EndOffsets } from './source.ts'

const readCommitted = 1
const readUncommitted = 0
const maxWaitMs = 250
const maxFetchBytes = 16 << 20
const maxPartitionBytes = 2 << 20
/** How long a broker may be away before a call gives up with a retryable error. */
const patienceMs = 120_000
const latest = -1n
const earliest = -2n

/** A topic was deleted and created again: its offsets begin anew, and where to read it the lake must say. */
export class TopicRecreated extends Error {
  readonly topic: string

  constructor(topic: string) {
    super(`topic ${topic} was deleted and created again`)
    this.topic = topic
  }
}

/** Where the next fetch of a partition starts. */
export interface Position {
  topic: string
  topicId: string
  partition: number
  offset: bigint
  /** Where the batch now being filled starts: after the last offset that a batch has carried. */
  from: bigint
}

/** Fetches go over connections of their own, so that heartbeats never wait behind data. */
export class KafkaCluster {
  readonly #settings: KafkaSettings
  readonly #consumer: Consumer<Buffer, Buffer, Buffer, Buffer>
  readonly #log: Logger
  readonly #fetches: ConnectionPool

  constructor(settings: KafkaSettings, consumer: Consumer<Buffer, Buffer, Buffer, Buffer>, log: Logger) {
    this.#settings = settings
    this.#consumer = consumer
    this.#log = log
    const { bootstrapBrokers: _, clientId, ...options } = connectionOptions(settings)
    this.#fetches = new ConnectionPool(clientId, options)
  }

  /** Where each topic ends for a reader of committed records. */
  async ends(topics: string[]): Promise<EndOffsets> {
    return this.#offsets(topics, { timestamp: latest, isolationLevel: readCommitted })
  }

  /** The first offset that each partition still has. */
  async starts(topics: string[]): Promise<EndOffsets> {
    return this.#offsets(topics, { timestamp: earliest, isolationLevel: readUncommitted })
  }

  /** One round of fetches, a request to each leader; retried with fresh metadata while the broker comes back. */
  async fetch(positions: Position[]): Promise<FetchedPartition[]> {
    if (positions.length === 0) {
      await sleep(maxWaitMs)
      return []
    }
    return this.#attempt(async refresh => {
      const metadata = await this.#metadata([...new Set(positions.map(position => position.topic))], refresh)
      for (const { topic, topicId } of positions) {
        const now = metadata.topics.get(topic)?.id
        if (now !== undefined && now !== topicId) throw new TopicRecreated(topic)
      }
      const byLeader = Map.groupBy(
        positions,
        ({ topic, partition }) => metadata.topics.get(topic)?.partitions[partition]?.leader ?? -1,
      )
      const rounds = [...byLeader].map(([leader, led]) => this.#fetchFrom(leader, led, metadata))
      return (await Promise.all(rounds)).flat()
    })
  }

  async #fetchFrom(leader: number, positions: Position[], metadata: ClusterMetadata): Promise<FetchedPartition[]> {
    const broker = metadata.brokers.get(leader)
    if (!broker)
      throw new KafkaError('KAFKA_NO_LEADER', `topic ${positions[0]!.topic}: no leader for a partition; is a broker down?`, {
        retryable: true,
      })
    const connection = await this.#fetches.get({ host: broker.host, port: broker.port })
    const topics = [...Map.groupBy(positions, position => position.topicId)].map(([topicId, parts]) => ({
      topicId,
      partitions: parts.map(({ partition, offset }) => ({
        partition,
        currentLeaderEpoch: -1,
        fetchOffset: offset,
        lastFetchedEpoch: -1,
        partitionMaxBytes: maxPartitionBytes,
      })),
    }))
    const parts = await fetchRaw.async(connection, maxWaitMs, 1, maxFetchBytes, readCommitted, 0, -1, topics, [], '')
    for (const part of parts) if (part.errorCode !== fetchError.none) throw fetchFailure(part, positions)
    return parts
  }

  async close(): Promise<void> {
    await this.#fetches.close()
  }

  async #offsets(topics: string[], at: { timestamp: bigint; isolationLevel: number }): Promise<EndOffsets> {
    return this.#attempt(async () => {
      const metadata = await this.#metadata(topics, true)
      const offsets = await this.#consumer.listOffsets({ topics, ...at })
      return new Map(
        [...offsets].map(([topic, list]) => [topic, { topicId: idOf(metadata, topic), partitions: new Map(list.entries()) }]),
      )
    })
  }

  async #metadata(topics: string[], forceUpdate: boolean): Promise<ClusterMetadata> {
    return this.#consumer.metadata({ topics, forceUpdate })
  }

  async #attempt<Result>(work: (refresh: boolean) => Promise<Result>): Promise<Result> {
    const started = Date.now()
    for (let attempt = 0; ; attempt++) {
      try {
        return await work(attempt > 0)
      } catch (error) {
        if (error instanceof TopicRecreated) throw error
        const failure = kafkaError(error, this.#settings.brokers)
        if (!failure.retryable || Date.now() - started > patienceMs) throw failure
        this.#log.warn({ code: failure.code, attempt }, failure.message)
        await sleep(Math.min(200 * 2 ** attempt, 5_000))
      }
    }
  }
}

function idOf(metadata: ClusterMetadata, topic: string): string {
  const found = metadata.topics.get(topic)
  if (!found) throw new KafkaError('KAFKA_NO_TOPIC', `topic ${topic} is gone from the broker`, { retryable: true })
  return found.id
}

function fetchFailure(part: FetchedPartition, positions: Position[]): KafkaError {
  const position = positions.find(p => p.topicId === part.topicId && p.partition === part.partition)
  const topic = position?.topic ?? part.topicId
  if (part.errorCode === fetchError.offsetOutOfRange)
    return offsetGone(topic, part.partition, position?.offset ?? -1n, part.logStartOffset)
  if (part.errorCode === fetchError.topicAuthorizationFailed) {
    return new KafkaError('KAFKA_NOT_AUTHORIZED', `not allowed to read topic ${topic}: grant READ on it to this user`, {
      retryable: false,
    })
  }
  return new KafkaError(
    'KAFKA_FETCH',
    `topic ${topic}, partition ${part.partition}: the broker answered error ${part.errorCode}`,
    {
      retryable: isStale(part.errorCode),
    },
  )
}

/** The lake goes on at an offset that retention has removed: what lies between would be lost. */
export function offsetGone(topic: string, partition: number, offset: bigint, start: bigint): KafkaError {
  return new KafkaError(
    'KAFKA_OFFSET_GONE',
    `topic ${topic}, partition ${partition}: the lake continues at offset ${offset}, but the broker's log now starts at ${start}: ` +
      'the records between were removed by retention and would be lost. Take a new snapshot of the table before going on',
    { retryable: false },
  )
}
