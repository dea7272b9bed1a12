// The embedded log as a source of batches: topic files instead of brokers.
// Guarantee: as every source: a partition's records in offset order, none left out, from the offset the lake names.
import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { EmbeddedLogError } from './embedded-error.ts'
import { PartitionReader } from './embedded-reader.ts'
import { partitionFile, readTopics, type Topic } from './embedded-topics.ts'
import type { Batch, EndOffsets, LakeOffsets, Source, TopicBatch } from './source.ts'
import { Spool } from './spool.ts'

export interface EmbeddedSettings {
  /** The folder that EmbeddedLog writes to. */
  dir: string
  /** Debezium's topic.prefix: topics `<prefix>`, `<prefix>.transaction` and `<prefix>.<db>.<table>` are read. */
  topicPrefix: string
  /** Tables of Debezium's own that are no data, as `database.table`. */
  signalTables?: readonly string[]
  /** A batch is handed on when it holds this many records or bytes, or when its first record is this old. */
  batch: { records: number; bytes: number; ageMs: number }
  spoolDir: string
  /** How long to wait before looking for new records, 100 by default. */
  pollMs?: number
}

/** What one partition gives before the next has its turn. */
const turn = { records: 2_000, bytes: 1 << 20 }

interface Position extends Topic {
  partition: number
  reader: PartitionReader
}

/** Needs no log yet: until there is one, `batches` waits. */
export function openEmbedded(settings: EmbeddedSettings, log: Logger): Source {
  return new EmbeddedSource(settings, log)
}

class EmbeddedSource implements Source {
  readonly #settings: EmbeddedSettings
  readonly #log: Logger

  constructor(settings: EmbeddedSettings, log: Logger) {
    this.#settings = settings
    this.#log = log
    mkdirSync(settings.spoolDir, { recursive: true })
  }

  async *batches(lakeOffsets: LakeOffsets, options: { signal: AbortSignal; until?: EndOffsets }): AsyncGenerator<Batch> {
    const { signal, until } = options
    const pollMs = this.#settings.pollMs ?? 100
    let positions: Position[] = []
    try {
      while (!signal.aborted) {
        positions = await this.#refresh(positions, lakeOffsets)
        if (until && positions.length === 0) throw this.#noTopics()
        const batch = await this.#fill(positions, options)
        // The next batch starts with another partition, so that none waits for ever behind a busy one.
        positions.push(...positions.splice(0, 1))
        if (batch) yield batch
        if (until && reached(positions, until)) return
        if (!batch) await sleep(pollMs, undefined, { signal }).catch(() => {})
      }
    } finally {
      for (const { reader } of positions) reader.close()
    }
  }

  /** There is one reader: it owns them all. */
  owns(_topic: string): boolean {
    return true
  }

  async ends(): Promise<EndOffsets> {
    return new Map(
      this.#topics().map(({ name, topicId, partitions }) => {
        const ends = Array.from({ length: partitions }, (_, partition) => [partition, this.#end(name, partition)] as const)
        return [name, { topicId, partitions: new Map(ends) }]
      }),
    )
  }

  async close(): Promise<void> {}

  #topics(): Topic[] {
    const { dir, topicPrefix, signalTables = [] } = this.#settings
    const noData = new Set(signalTables.map(table => `${topicPrefix}.${table}`))
    return readTopics(dir).filter(({ name }) => (name === topicPrefix || name.startsWith(`${topicPrefix}.`)) && !noData.has(name))
  }

  /** Keeps the positions of topics that are still there, drops those of topics that went, adds those of new ones. */
  async #refresh(positions: Position[], lakeOffsets: LakeOffsets): Promise<Position[]> {
    const topics = this.#topics()
    const known = new Map(positions.map(position => [position.topicId, position]))
    const current = new Set(topics.map(({ topicId }) => topicId))
    const kept = positions.filter(({ topicId }) => current.has(topicId))
    for (const { topicId, reader } of positions) if (!current.has(topicId)) reader.close()
    const added = topics.filter(({ topicId }) => !known.has(topicId))
    if (added.length > 0) this.#log.info({ topics: added.map(({ name }) => name) }, 'reading topics')
    for (const topic of added) kept.push(...(await this.#open(topic, lakeOffsets)))
    return kept
  }

  async #open(topic: Topic, lakeOffsets: LakeOffsets): Promise<Position[]> {
    const offsets = await lakeOffsets(topic.name, topic.topicId)
    return Array.from({ length: topic.partitions }, (_, partition) => {
      const from = Number(offsets.get(partition) ?? 0n)
      const end = Number(this.#end(topic.name, partition))
      if (from > end) throw offsetGone(topic.name, partition, { from, end })
      return { ...topic, partition, reader: new PartitionReader(partitionFile(this.#settings.dir, topic.name, partition), from) }
    })
  }

  /** Reads until a bound is met or nothing is left. Undefined when there was nothing at all, or the signal aborted. */
  async #fill(positions: Position[], { signal }: { signal: AbortSignal }): Promise<Batch | undefined> {
    const { records, bytes, ageMs } = this.#settings.batch
    const spools = new Map<Position['name'], { spool: Spool; topicId: string }>()
    const began = Date.now()
    const held = { records: 0, bytes: 0 }
    try {
      for (let found = true; found && !signal.aborted; ) {
        found = false
        for (const position of positions) {
          if (held.records >= records || held.bytes >= bytes || Date.now() - began >= ageMs) break
          const limit = {
            records: Math.min(turn.records, records - held.records),
            bytes: Math.min(turn.bytes, bytes - held.bytes),
          }
          const got = this.#splice(position, spools, limit)
          held.records += got.records
          held.bytes += got.bytes
          if (got.records > 0) found = true
        }
        // Others get a turn: files are read without waiting.
        await new Promise(resolve => setImmediate(resolve))
      }
    } catch (error) {
      for (const { spool } of spools.values()) spool.discard()
      throw error
    }
    if (spools.size === 0) return undefined
    const topics = [...spools].map(([name, { spool, topicId }]) => spool.finish(name, topicId))
    return { topics, release: () => release(topics) }
  }

  /** Moves at most `limit` from one partition to its topic's spool. */
  #splice(position: Position, spools: Map<string, { spool: Spool; topicId: string }>, limit: { records: number; bytes: number }) {
    const { name, topicId, partition, reader } = position
    const from = reader.next
    const got = { records: 0, bytes: 0 }
    let spool = spools.get(name)?.spool
    reader.read(({ offset, timestamp, headers, bytes, keyAt, keyLength, valueAt, valueLength }) => {
      if (!spool) {
        spool = new Spool(join(this.#settings.spoolDir, `${randomUUID()}.spool`))
        spools.set(name, { spool, topicId })
      }
      const key = keyLength < 0 ? null : bytes.subarray(keyAt, keyAt + keyLength)
      const value = valueLength < 0 ? null : bytes.subarray(valueAt, valueAt + valueLength)
      spool.append(partition, offset, timestamp, headers, key, value)
      got.records++
      got.bytes += Math.max(keyLength, 0) + Math.max(valueLength, 0)
      return got.records < limit.records && got.bytes < limit.bytes
    })
    if (reader.next > from) spool!.covered(partition, BigInt(from), BigInt(reader.next))
    return got
  }

  #end(topic: string, partition: number): bigint {
    const reader = new PartitionReader(partitionFile(this.#settings.dir, topic, partition))
    try {
      return BigInt(reader.skipToEnd())
    } finally {
      reader.close()
    }
  }

  #noTopics(): EmbeddedLogError {
    const { dir, topicPrefix } = this.#settings
    return new EmbeddedLogError(
      'EMBEDDED_LOG_NO_TOPICS',
      `${dir}: the embedded log has no topic '${topicPrefix}' or '${topicPrefix}.…' yet; fill it with \`binlake generate\``,
    )
  }
}

function reached(positions: Position[], until: EndOffsets): boolean {
  return positions.every(({ name, topicId, partition, reader }) => {
    const end = until.get(name)
    return !end || end.topicId !== topicId || BigInt(reader.next) >= (end.partitions.get(partition) ?? 0n)
  })
}

function offsetGone(topic: string, partition: number, { from, end }: { from: number; end: number }): EmbeddedLogError {
  return new EmbeddedLogError(
    'EMBEDDED_LOG_OFFSET_GONE',
    `topic ${topic}, partition ${partition}: the lake continues at offset ${from}, but the embedded log ends at ${end}: ` +
      'records it once held are lost. Restore the log, or start with an empty lake',
  )
}

async function release(topics: readonly TopicBatch[]): Promise<void> {
  await Promise.all(topics.map(({ spool }) => rm(spool, { force: true })))
}
