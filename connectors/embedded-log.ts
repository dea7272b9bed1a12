// Writes the embedded log: a stand-in for Kafka that needs no server. The shop appends to it, and tests forge histories with it.
// Guarantee: what `commit` was given is in the log whole after a crash and the next `open`, once, or not at all.
import { closeSync, openSync, readFileSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { EmbeddedLogError } from './embedded-error.ts'
import { FrameBuffer, frameLength, type LogRecord, offsetAt } from './embedded-frame.ts'
import { lockLog } from './embedded-lock.ts'
import {
  makeTopic,
  noTopic,
  partitionFile,
  readTopic,
  readTopics,
  removeTopic,
  sweepTopics,
  type Topic,
} from './embedded-topics.ts'
import { PartitionWriter } from './embedded-writer.ts'

/** Records for one partition. */
export interface Append {
  topic: string
  partition: number
  records: readonly LogRecord[]
}

/** Frames for one partition, as they lie in the pending file after its first line. */
interface Section {
  topic: string
  partition: number
  first: number
  next: number
  bytes: number
}

/** One process at a time; close it to let the next one in. */
export class EmbeddedLog {
  readonly dir: string
  readonly #unlock: () => void
  readonly #writers = new Map<string, PartitionWriter>()
  readonly #frames = new FrameBuffer()
  /** A commit has failed half-way (a full disk, say): only the next open may go on from there. */
  #unfinished = false

  private constructor(dir: string, unlock: () => void) {
    this.dir = dir
    this.#unlock = unlock
  }

  /** Opens the log in a folder, which is made if need be, and finishes a commit that a crash interrupted. Throws EmbeddedLogError. */
  static async open(dir: string): Promise<EmbeddedLog> {
    const unlock = lockLog(dir)
    try {
      sweepTopics(dir)
      const log = new EmbeddedLog(dir, unlock)
      log.#finishPending()
      return log
    } catch (error) {
      unlock()
      throw error
    }
  }

  topics(): Topic[] {
    return readTopics(this.dir)
  }

  /** Throws RangeError when it exists. */
  createTopic(topic: string, partitions = 1): Topic {
    return makeTopic(this.dir, topic, partitions)
  }

  /** Its records are gone; created again, the topic has another id and its offsets start at 0. */
  deleteTopic(topic: string): void {
    for (const [key, writer] of this.#writers) {
      if (!key.startsWith(`${topic}/`)) continue
      writer.close()
      this.#writers.delete(key)
    }
    removeTopic(this.dir, topic)
  }

  /** The next offset of a partition. */
  end(topic: string, partition: number): number {
    return this.#writer(topic, partition).end
  }

  /** Appends to one partition. A crash may leave a part of the records, each of them whole. */
  append(topic: string, partition: number, records: readonly LogRecord[]): void {
    this.#refuseUnfinished()
    this.#frames.clear()
    const section = this.#encode({ topic, partition, records })
    if (records.length > 0) this.#writer(topic, partition).append(this.#frames.bytes, section)
  }

  /** Appends to several partitions, all or nothing. A partition may be named once. */
  commit(appends: readonly Append[]): void {
    this.#refuseUnfinished()
    this.#frames.clear()
    const sections = appends.filter(({ records }) => records.length > 0).map(each => this.#encode(each))
    if (sections.length === 0) return
    const pending = this.#pendingFile()
    writeParts(`${pending}.new`, [Buffer.from(`${JSON.stringify(sections)}\n`), this.#frames.bytes])
    renameSync(`${pending}.new`, pending)
    this.#unfinished = true
    this.#apply(sections, this.#frames.bytes)
    unlinkSync(pending)
    this.#unfinished = false
  }

  async close(): Promise<void> {
    for (const writer of this.#writers.values()) writer.close()
    this.#writers.clear()
    this.#unlock()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #encode({ topic, partition, records }: Append): Section {
    const first = this.end(topic, partition)
    const before = this.#frames.length
    let next = first
    for (const record of records) {
      const offset = record.offset ?? next
      if (offset < next) throw new RangeError(`topic ${topic}, partition ${partition}: offset ${offset} is below the end ${next}`)
      this.#frames.add(offset, record)
      next = offset + 1
    }
    return { topic, partition, first, next, bytes: this.#frames.length - before }
  }

  #apply(sections: readonly Section[], frames: Buffer): void {
    let at = 0
    for (const { topic, partition, first, next, bytes } of sections) {
      const writer = this.#writer(topic, partition)
      const rest = framesFrom(frames.subarray(at, at + bytes), writer.end)
      if (rest.length > 0) writer.append(rest, { first: Math.max(first, writer.end), next })
      at += bytes
    }
  }

  /** A pending file stands under its name only when it is whole; some of its sections may be in the log already. */
  #finishPending(): void {
    let content: Buffer
    try {
      content = readFileSync(this.#pendingFile())
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      throw error
    }
    const line = content.indexOf('\n')
    const sections: Section[] = JSON.parse(content.toString('utf8', 0, line))
    this.#apply(sections, content.subarray(line + 1))
    unlinkSync(this.#pendingFile())
  }

  #refuseUnfinished(): void {
    if (!this.#unfinished) return
    const message = `${this.dir}: an earlier commit could not be finished; free disk space, then open the log again, which finishes it`
    throw new EmbeddedLogError('EMBEDDED_LOG_UNFINISHED', message)
  }

  #pendingFile(): string {
    return join(this.dir, 'pending')
  }

  #writer(topic: string, partition: number): PartitionWriter {
    const key = `${topic}/${partition}`
    let writer = this.#writers.get(key)
    if (!writer) {
      const found = readTopic(this.dir, topic)
      if (!found || partition < 0 || partition >= found.partitions)
        throw noTopic(this.dir, `${topic} with a partition ${partition}`)
      writer = new PartitionWriter(partitionFile(this.dir, topic, partition))
      this.#writers.set(key, writer)
    }
    return writer
  }
}

/** The frames from an offset on. */
function framesFrom(frames: Buffer, offset: number): Buffer {
  let at = 0
  while (at < frames.length && offsetAt(frames, at) < offset) at += frameLength(frames, at)!
  return frames.subarray(at)
}

function writeParts(file: string, parts: readonly Buffer[]): void {
  const fd = openSync(file, 'w')
  try {
    for (const part of parts) for (let done = 0; done < part.length; ) done += writeSync(fd, part, done)
  } finally {
    closeSync(fd)
  }
}
