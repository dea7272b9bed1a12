// Kafka as a source of batches: the group says which partitions are ours, the lake says from where, bytes go to spool files.
// Guarantee: read_committed, in offset order, nothing left out; an offset the broker no longer has is an error, never a jump.
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { KafkaCluster, offsetGone, type Position, TopicRecreated } from './kafka-cluster.ts'
import type { FetchedPartition } from './kafka-fetch.ts'
import { type Assignment, KafkaGroup, type KafkaSettings } from './kafka-group.ts'
import { nextOffset, spliceRecords } from './kafka-records.ts'
import type { Batch, EndOffsets, LakeOffsets, Source, TopicBatch } from './source.ts'
import { Spool } from './spool.ts'

const newTopicsEveryMs = 5_000

/** Opens no connection yet; the first call does. */
export function openKafka(settings: KafkaSettings, log: Logger): Source {
  return new KafkaSource(settings, log)
}

class KafkaSource implements Source {
  readonly #settings: KafkaSettings
  readonly #log: Logger
  readonly #group: KafkaGroup
  readonly #cluster: KafkaCluster
  #inflight: Promise<FetchedPartition[]> | undefined
  #topicsCheckedAt = 0

  constructor(settings: KafkaSettings, log: Logger) {
    this.#settings = settings
    this.#log = log
    this.#group = new KafkaGroup(settings, log)
    this.#cluster = new KafkaCluster(settings, this.#group.consumer, log)
    mkdirSync(settings.spoolDir, { recursive: true })
  }

  async *batches(lakeOffsets: LakeOffsets, options: { signal: AbortSignal; until?: EndOffsets }): AsyncGenerator<Batch> {
    await this.#group.subscribe()
    while (!options.signal.aborted) {
      const assignment = this.#group.assignment
      await this.#dropInflight()
      const positions = await this.#positions(assignment, lakeOffsets)
      if (options.until && reached(positions, options.until)) return
      try {
        const finished = yield* this.#follow(assignment, positions, options)
        if (finished) return
      } catch (error) {
        if (!(error instanceof TopicRecreated)) throw error
        this.#log.warn({ topic: error.topic }, 'the topic was deleted and created again; reading the new one from its beginning')
      }
    }
  }

  owns(topic: string): boolean {
    return this.#group.assignment.partitions.some(held => held.topic === topic && held.partition === 0)
  }

  async ends(): Promise<EndOffsets> {
    const topics = await this.#group.topics()
    return topics.length === 0 ? new Map() : this.#cluster.ends(topics)
  }

  async close(): Promise<void> {
    await this.#dropInflight()
    await this.#group.close()
    await this.#cluster.close()
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
        const fetched = await (this.#inflight ?? this.#cluster.fetch(positions))
        const starts = this.#advance(fetched, positions)
        this.#inflight = this.#cluster.fetch(positions)
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
    for (const position of positions) {
      if (batch.topics.some(({ topic }) => topic === position.topic)) position.from = position.offset
    }
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
    // From where the last batch ended: what lay between were markers that no batch carried.
    spool.covered(partition, position.from, nextOffset(part.records, from))
  }

  /** The lake's offsets for the assignment, or a partition's start where the lake has none. */
  async #positions(assignment: Assignment, lakeOffsets: LakeOffsets): Promise<Position[]> {
    const byTopic = Map.groupBy(assignment.partitions, ({ topic }) => topic)
    const topics = [...byTopic.keys()]
    if (topics.length === 0) return []
    const starts = await this.#cluster.starts(topics)
    const positions: Position[] = []
    for (const [topic, parts] of byTopic) {
      const { topicId, partitions } = starts.get(topic)!
      const known = await lakeOffsets(topic, topicId)
      for (const { partition } of parts) {
        const start = partitions.get(partition) ?? 0n
        const offset = known.get(partition) ?? start
        if (offset < start) throw offsetGone(topic, partition, offset, start)
        positions.push({ topic, topicId, partition, offset, from: offset })
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
