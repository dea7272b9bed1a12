// Kafka as a source of batches: the group says which partitions are ours, the lake says from where, bytes go to spool files.
// Guarantee: read_committed, in offset order, nothing left out; an offset the broker no longer has is an error, never a jump.
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ClusterMetadata, ConnectionPool } from '@platformatic/kafka'
import type { Logger } from 'pino'
import { fetchError, isStale, KafkaError, kafkaError } from './kafka-errors.ts'
import { type FetchedPartition, fetchRaw } from './kafka-fetch.ts'
import { type Assignment, connectionOptions, KafkaGroup, type KafkaSettings } from './kafka-group.ts'
import { nextOffset, spliceRecords } from './kafka-records.ts'
import type { Batch, EndOffsets, LakeOffsets, Source, TopicBatch } from './source.ts'
import { Spool } from './spool.ts'

const readCommitted = 1
const maxWaitMs = 250
const maxFetchBytes = 16 << 20
const maxPartitionBytes = 2 << 20
const newTopicsEveryMs = 5_000
/** How long a broker may be away before `batches` gives up with a retryable error. */
const patienceMs = 120_000
const latest = -1n
const earliest = -2n

/** Where the next fetch of a partition starts. */
interface Position {
  topic: string
  topicId: string
  partition: number
  offset: bigint
}

/** Opens no connection yet; the first call does. */
export function openKafka(settings: KafkaSettings, log: Logger): Source {
  return new KafkaSource(settings, log)
}

class KafkaSource implements Source {
  readonly #settings: KafkaSettings
  readonly #log: Logger
  readonly #group: KafkaGroup
  readonly #fetches: ConnectionPool
  #inflight: Promise<FetchedPartition[]> | undefined
  #topicsCheckedAt = 0

  constructor(settings: KafkaSettings, log: Logger) {
    this.#settings = settings
    this.#log = log
    this.#group = new KafkaGroup(settings, log)
    const { bootstrapBrokers: _, clientId, ...options } = connectionOptions(settings)
    this.#fetches = new ConnectionPool(clientId, options)
    mkdirSync(settings.spoolDir, { recursive: true })
  }

  async *batches(lakeOffsets: LakeOffsets, options: { signal: AbortSignal; until?: EndOffsets }): AsyncGenerator<Batch> {
    await this.#group.subscribe()
    while (!options.signal.aborted) {
      const assignment = this.#group.assignment
      await this.#dropInflight()
      const positions = await this.#positions(assignment, lakeOffsets)
      if (options.until && reached(positions, options.until)) return
      const finished = yield* this.#follow(assignment, positions, options)
      if (finished) return
    }
  }

  owns(topic: string): boolean {
    return this.#group.assignment.partitions.some(held => held.topic === topic && held.partition === 0)
  }

  async ends(): Promise<EndOffsets> {
    const topics = await this.#group.topics()
    if (topics.length === 0) return new Map()
    return this.#attempt(async () => {
      const metadata = await this.#metadata(topics, false)
      const offsets = await this.#group.consumer.listOffsets({ topics, timestamp: latest, isolationLevel: readCommitted })
      return new Map(
        [...offsets].map(([topic, ends]) => [topic, { topicId: idOf(metadata, topic), partitions: new Map(ends.entries()) }]),
      )
    })
  }

  async close(): Promise<void> {
    await this.#dropInflight()
    await this.#group.close()
    await this.#fetches.close()
  }

  /** Batches of one assignment, one filled while the one before is processed. Returns true once `until` is reached, false when the assignment changed. */
  async *#follow(assignment: Assignment, positions: Position[], options: { signal: AbortSignal; until?: EndOffsets }) {
    const current = () => !options.signal.aborted && this.#group.assignment === assignment
    let filling = this.#fill(positions, current, options.until)
    try {
      while (current()) {
        const batch = await filling
        if (!current()) {
          await discard(batch?.topics ?? [])
          return false
        }
        // The positions tell, not the batch: the last records may have been markers that no batch carries.
        const ended = options.until !== undefined && reached(positions, options.until)
        if (!ended) {
          filling = this.#fill(positions, current, options.until)
          filling.catch(() => {}) // reported when it is awaited
        }
        if (batch) yield batch
        if (ended) return true
      }
      return false
    } finally {
      await filling.then(
        batch => discard(batch?.topics ?? []),
        () => {},
      )
    }
  }

  /** Fetches until a bound is met. Undefined when the assignment changed, the signal aborted, or `until` was reached without a record. */
  async #fill(positions: Position[], current: () => boolean, until: EndOffsets | undefined): Promise<Batch | undefined> {
    const { records, bytes, ageMs } = this.#settings.batch
    const spools = new Map<string, Spool>()
    let firstAt = 0
    let held = { records: 0, bytes: 0 }
    try {
      while (current()) {
        const full = held.records >= records || held.bytes >= bytes || (firstAt > 0 && Date.now() - firstAt >= ageMs)
        if (full || (until && reached(positions, until))) break
        const fetched = await (this.#inflight ?? this.#fetch(positions))
        const starts = this.#advance(fetched, positions)
        this.#inflight = this.#fetch(positions)
        this.#inflight.catch(() => {}) // reported when it is awaited
        for (const [part, position, from] of starts) this.#splice(part, position, from, spools)
        held = totals(spools)
        if (firstAt === 0 && held.records > 0) firstAt = Date.now()
        if (await this.#newTopics()) break
      }
    } catch (error) {
      for (const spool of spools.values()) spool.discard()
      throw error
    }
    const topics = [...spools].map(([topic, spool]) =>
      spool.finish(topic, positions.find(position => position.topic === topic)!.topicId),
    )
    const batch = { topics: topics.filter(hasRecords), release: () => this.#release(topics) }
    if (batch.topics.length > 0) return batch
    await discard(topics)
    return undefined
  }

  /** Moves the positions past what was fetched and returns, per partition with records, where they started. */
  #advance(fetched: FetchedPartition[], positions: Position[]): [FetchedPartition, Position, bigint][] {
    const starts: [FetchedPartition, Position, bigint][] = []
    for (const part of fetched) {
      const position = positions.find(p => p.partition === part.partition && p.topicId === part.topicId)
      if (!position || part.records.length === 0) continue
      const from = position.offset
      const next = nextOffset(part.records, from)
      if (next <= from) continue
      position.offset = next
      starts.push([part, position, from])
    }
    return starts
  }

  #splice(part: FetchedPartition, position: Position, from: bigint, spools: Map<string, Spool>): void {
    const { topic, partition } = position
    let spool = spools.get(topic)
    if (!spool) {
      spool = new Spool(join(this.#settings.spoolDir, `${randomUUID()}.spool`))
      spools.set(topic, spool)
    }
    spliceRecords(part.records, partition, {
      from,
      aborted: part.aborted,
      spool,
      where: `topic ${topic}, partition ${partition}`,
    })
    spool.covered(partition, from, nextOffset(part.records, from))
  }

  /** One round of fetches, a request to each leader; retried with fresh metadata while the broker comes back. */
  async #fetch(positions: Position[]): Promise<FetchedPartition[]> {
    if (positions.length === 0) {
      await sleep(maxWaitMs)
      return []
    }
    return this.#attempt(async refresh => {
      const metadata = await this.#metadata([...new Set(positions.map(position => position.topic))], refresh)
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

  /** The lake's offsets for the assignment, or a partition's start where the lake has none. */
  async #positions(assignment: Assignment, lakeOffsets: LakeOffsets): Promise<Position[]> {
    const byTopic = Map.groupBy(assignment.partitions, ({ topic }) => topic)
    const topics = [...byTopic.keys()]
    if (topics.length === 0) return []
    const { metadata, starts } = await this.#attempt(async () => ({
      metadata: await this.#metadata(topics, true),
      starts: await this.#group.consumer.listOffsets({ topics, timestamp: earliest }),
    }))
    const positions: Position[] = []
    for (const [topic, parts] of byTopic) {
      const topicId = idOf(metadata, topic)
      const known = await lakeOffsets(topic, topicId)
      for (const { partition } of parts) {
        const start = starts.get(topic)?.[partition] ?? 0n
        const offset = known.get(partition) ?? start
        if (offset < start) throw offsetGone(topic, partition, offset, start)
        positions.push({ topic, topicId, partition, offset })
      }
    }
    return positions
  }

  /** A fetch sent for an earlier assignment must not be mistaken for one of the next. */
  async #dropInflight(): Promise<void> {
    await this.#inflight?.catch(() => {})
    this.#inflight = undefined
  }

  async #newTopics(): Promise<boolean> {
    if (Date.now() - this.#topicsCheckedAt < newTopicsEveryMs) return false
    this.#topicsCheckedAt = Date.now()
    return this.#group.subscribe()
  }

  async #metadata(topics: string[], forceUpdate: boolean): Promise<ClusterMetadata> {
    return this.#group.consumer.metadata({ topics, forceUpdate })
  }

  async #attempt<Result>(work: (refresh: boolean) => Promise<Result>): Promise<Result> {
    const started = Date.now()
    for (let attempt = 0; ; attempt++) {
      try {
        return await work(attempt > 0)
      } catch (error) {
        const failure = kafkaError(error, this.#settings.brokers)
        if (!failure.retryable || Date.now() - started > patienceMs) throw failure
        this.#log.warn({ code: failure.code, attempt }, failure.message)
        await sleep(Math.min(200 * 2 ** attempt, 5_000))
      }
    }
  }

  /** After the lake's commit. The group's offset is a hint for whoever watches lag in Kafka; a refusal, as after a rebalance, costs nothing. */
  async #release(topics: TopicBatch[]): Promise<void> {
    await discard(topics)
    const offsets = topics.flatMap(({ topic, ranges }) =>
      [...ranges].map(([partition, { to }]) => ({ topic, partition, offset: to, leaderEpoch: -1 })),
    )
    await this.#group.consumer.commit({ offsets }).catch((error: unknown) => {
      this.#log.debug({ reason: String(error) }, 'the offsets could not be noted in Kafka')
    })
  }
}

async function discard(topics: TopicBatch[]): Promise<void> {
  await Promise.all(topics.map(({ spool }) => rm(spool, { force: true })))
}

function reached(positions: Position[], until: EndOffsets): boolean {
  return positions.every(({ topic, topicId, partition, offset }) => {
    const end = until.get(topic)
    return !end || end.topicId !== topicId || offset >= (end.partitions.get(partition) ?? 0n)
  })
}

function totals(spools: Map<string, Spool>): { records: number; bytes: number } {
  const held = { records: 0, bytes: 0 }
  for (const spool of spools.values()) {
    held.records += spool.records
    held.bytes += spool.bytes
  }
  return held
}

function hasRecords(topic: TopicBatch): boolean {
  return topic.records > 0 || topic.poison.length > 0
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

function offsetGone(topic: string, partition: number, offset: bigint, start: bigint): KafkaError {
  return new KafkaError(
    'KAFKA_OFFSET_GONE',
    `topic ${topic}, partition ${partition}: the lake continues at offset ${offset}, but the broker's log now starts at ${start}: ` +
      'the records between were removed by retention and would be lost. Take a new snapshot of the table before going on',
    { retryable: false },
  )
}
