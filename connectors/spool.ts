// Splices raw record bytes into a spool file, a line a record, for DuckDB to read; nothing is parsed here.
// Guarantee: a line break or separator in the file is always one of ours; a record holding one is set aside with its bytes.
import { isUtf8 } from 'node:buffer'
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { OffsetRange, PoisonRecord, TopicBatch } from './source.ts'

export const separator = 0x1f
export const newline = 0x0a
export const carriageReturn = 0x0d
const nullText = Buffer.from('\\N')
const chunkBytes = 1 << 20
/** Room a line needs besides headers, key and value: three numbers, separators, nulls. */
const lineOverhead = 96

/** The disk that holds the spool is full. */
export class SpoolFull extends Error {
  readonly code = 'SPOOL_FULL'
  readonly retryable = true
}

/** One topic's spool file while it is being written. Call `finish` or `discard`. */
export class Spool {
  readonly file: string
  readonly #fd: number
  #chunk = Buffer.allocUnsafe(chunkBytes)
  #used = 0
  #records = 0
  #written = 0
  #longest = 0
  readonly #ranges = new Map<number, OffsetRange>()
  readonly #poison: PoisonRecord[] = []

  constructor(file: string) {
    this.file = file
    this.#fd = openSync(file, 'wx', 0o600)
  }

  get records(): number {
    return this.#records
  }

  get bytes(): number {
    return this.#written + this.#used
  }

  /** Notes that offsets up to `to` (exclusive) of a partition are covered by this spool. */
  covered(partition: number, from: bigint, to: bigint): void {
    const range = this.#ranges.get(partition)
    if (range) range.to = to
    else this.#ranges.set(partition, { from, to })
  }

  /** Adds a record, or sets it aside as poison. `headers` is JSON text made by us; key and value stay verbatim. */
  append(
    partition: number,
    offset: bigint | number,
    timestamp: number,
    headers: string | null,
    key: Buffer | null,
    value: Buffer | null,
  ): void {
    if (hasControlByte(key) || hasControlByte(value)) {
      this.#setAside({ partition, offset: BigInt(offset), timestamp, reason: 'control_character', key, value })
      return
    }
    this.splice(
      partition,
      offset,
      timestamp,
      headers,
      key ?? nullText,
      0,
      key?.length ?? -1,
      value ?? nullText,
      0,
      value?.length ?? -1,
    )
  }

  /**
   * The hot path of `append`: key and value are slices, a length of -1 is null, and the caller has made sure that
   * neither holds a separator or line break.
   */
  splice(
    partition: number,
    offset: bigint | number,
    timestamp: number,
    headers: string | null,
    keys: Buffer,
    keyAt: number,
    keyLength: number,
    values: Buffer,
    valueAt: number,
    valueLength: number,
  ): void {
    const room = lineOverhead + (headers === null ? 0 : headers.length * 3) + Math.max(keyLength, 0) + Math.max(valueLength, 0)
    if (this.#used + room > this.#chunk.length) this.#flush(room)
    const chunk = this.#chunk
    let at = this.#used
    at += chunk.write(`${partition}\x1f${offset}\x1f${timestamp}\x1f${headers ?? '\\N'}\x1f`, at)
    at += keyLength < 0 ? nullText.copy(chunk, at) : keys.copy(chunk, at, keyAt, keyAt + keyLength)
    chunk[at++] = separator
    at += valueLength < 0 ? nullText.copy(chunk, at) : values.copy(chunk, at, valueAt, valueAt + valueLength)
    chunk[at++] = newline
    if (at - this.#used > this.#longest) this.#longest = at - this.#used
    this.#used = at
    this.#records++
  }

  /** Closes the file and hands it over. */
  finish(topic: string, topicId: string): TopicBatch {
    this.#flush(0)
    closeSync(this.#fd)
    return {
      topic,
      topicId,
      spool: this.file,
      records: this.#records,
      bytes: this.#written,
      longestLine: this.#longest,
      ranges: this.#ranges,
      poison: this.#poison,
    }
  }

  /** Closes and removes the file. */
  discard(): void {
    closeSync(this.#fd)
    unlinkSync(this.file)
  }

  #setAside(record: PoisonRecord): void {
    this.#poison.push({ ...record, key: record.key && Buffer.from(record.key), value: record.value && Buffer.from(record.value) })
  }

  #flush(room: number): void {
    const chunk = this.#chunk.subarray(0, this.#used)
    if (isUtf8(chunk)) this.#write(chunk)
    else for (const line of linesOf(chunk)) this.#writeIfUtf8(line)
    this.#used = 0
    if (room > this.#chunk.length) this.#chunk = Buffer.allocUnsafe(room)
  }

  #write(bytes: Buffer): void {
    try {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done)
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') throw cause
      throw new SpoolFull(
        `the disk is full: no room in ${dirname(this.file)} for the records just read; free some, then run again`,
        { cause },
      )
    }
    this.#written += bytes.length
  }

  /** The slow path of a chunk in which some record is not UTF-8: DuckDB would refuse the whole file. */
  #writeIfUtf8(line: Buffer): void {
    if (isUtf8(line)) {
      this.#write(line)
      return
    }
    const fields = fieldsOf(line.subarray(0, -1))
    this.#records--
    this.#setAside({
      partition: Number(fields[0]),
      offset: BigInt(String(fields[1])),
      timestamp: Number(fields[2]),
      reason: 'not_utf8',
      key: unlessNull(fields[4]!),
      value: unlessNull(fields[5]!),
    })
  }
}

function hasControlByte(bytes: Buffer | null): boolean {
  return bytes !== null && (bytes.includes(separator) || bytes.includes(newline) || bytes.includes(carriageReturn))
}

function* linesOf(chunk: Buffer): Generator<Buffer> {
  for (let at = 0; at < chunk.length; ) {
    const end = chunk.indexOf(newline, at) + 1
    yield chunk.subarray(at, end)
    at = end
  }
}

function fieldsOf(line: Buffer): Buffer[] {
  const fields: Buffer[] = []
  for (let at = 0, end = 0; end >= 0; at = end + 1) {
    end = line.indexOf(separator, at)
    fields.push(line.subarray(at, end < 0 ? line.length : end))
  }
  return fields
}

function unlessNull(field: Buffer): Buffer | null {
  return field.equals(nullText) ? null : field
}
