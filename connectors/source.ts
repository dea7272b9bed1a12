// The contract of a change-event source: Kafka, or the embedded log.
// Guarantee asked of each: records of a partition arrive in offset order, none left out, from the offset the lake names.

/** Half-open range of offsets [from, to). */
export interface OffsetRange {
  from: bigint
  to: bigint
}

/** A record that cannot stand on a spool line (a raw 0x1f, a line break, bytes that are not UTF-8). */
export interface PoisonRecord {
  partition: number
  offset: bigint
  /** Kafka's record timestamp, milliseconds since 1970. */
  timestamp: number
  reason: 'control_character' | 'not_utf8'
  key: Buffer | null
  value: Buffer | null
}

/** What one poll brought for one topic: records on disk, not in memory. */
export interface TopicBatch {
  topic: string
  /** Changes when the topic is deleted and created again. */
  topicId: string
  /** Spool file, a line a record: `partition ␟ offset ␟ timestamp ␟ headers ␟ key ␟ value`, ␟ = 0x1f, null = `\N`. */
  spool: string
  /** Lines in the spool. */
  records: number
  /** Bytes in the spool. */
  bytes: number
  /** Bytes of the longest line, its line break included. */
  longestLine: number
  /** Per partition the offsets covered, control records and poison included. */
  ranges: Map<number, OffsetRange>
  poison: PoisonRecord[]
}

export interface Batch {
  topics: TopicBatch[]
  /** Removes the spool files. The lake's commit is the real acknowledgement; Kafka's committed offset is moved as a hint. */
  release(): Promise<void>
}

/** Per partition the next offset the lake needs; a partition not named starts at its beginning. */
export type LakeOffsets = (topic: string, topicId: string) => Promise<Map<number, bigint>>

/** End offsets by topic and partition. */
export type EndOffsets = Map<string, { topicId: string; partitions: Map<number, bigint> }>

export interface Source {
  /** Batches bounded by count, bytes and age, until the signal aborts. With `until`, ends once those offsets are reached. */
  batches(offsets: LakeOffsets, options: { signal: AbortSignal; until?: EndOffsets }): AsyncGenerator<Batch>
  /** Whether this worker's share holds partition 0 of a topic: then it also refines the topic's table. */
  owns(topic: string): boolean
  /** Where each topic ends now (read committed). */
  ends(): Promise<EndOffsets>
  close(): Promise<void>
}
