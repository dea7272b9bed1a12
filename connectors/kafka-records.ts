// Walks Kafka's record batches (format v2) and splices each record's bytes into the spool.
// Guarantee: records of aborted transactions and control records never pass; a damaged batch is an error, not a gap.
import { zstdDecompressSync } from 'node:zlib'
import { compressionsAlgorithmsByBitmask, crc32c } from '@platformatic/kafka'
import type { AbortedTransaction } from './kafka-fetch.ts'
import { carriageReturn, newline, type Spool, separator } from './spool.ts'

const headerBytes = 61
const lengthAt = 8
const magicAt = 16
const crcAt = 17
const attributesAt = 21
const lastOffsetDeltaAt = 23
const baseTimestampAt = 27
const producerIdAt = 43
const countAt = 57
const compressionMask = 0b111
const zstd = 4
const transactionalBit = 0x10
const controlBit = 0x20

export class KafkaRecordsError extends Error {
  readonly code = 'KAFKA_DAMAGED_BATCH'
  readonly retryable = false
}

/** The offset after the last whole batch in `records`, or `from` when there is none. Costs no decompression. */
export function nextOffset(records: Buffer, from: bigint): bigint {
  let next = from
  for (const at of batchStarts(records))
    next = records.readBigInt64BE(at) + BigInt(records.readInt32BE(at + lastOffsetDeltaAt)) + 1n
  return next
}

/** Splices the records at or after `from` of one partition into the spool. `where` names topic and partition in errors. */
export function spliceRecords(
  records: Buffer,
  partition: number,
  options: { from: bigint; aborted: AbortedTransaction[]; spool: Spool; where: string },
): void {
  const pending = [...options.aborted].sort((a, b) => Number(a.firstOffset - b.firstOffset))
  const abortedProducers = new Set<bigint>()
  for (const at of batchStarts(records)) {
    const batch = records.subarray(at, at + lengthAt + 4 + records.readInt32BE(at + lengthAt))
    const base = batch.readBigInt64BE(0)
    check(batch, base, options.where)
    const attributes = batch.readInt16BE(attributesAt)
    const producer = batch.readBigInt64BE(producerIdAt)
    const last = base + BigInt(batch.readInt32BE(lastOffsetDeltaAt))
    while (pending[0] && pending[0].firstOffset <= last) abortedProducers.add(pending.shift()!.producerId)
    if (attributes & controlBit) {
      // An abort marker ends the producer's aborted transaction; what it writes next may be committed.
      abortedProducers.delete(producer)
    } else if (!(attributes & transactionalBit && abortedProducers.has(producer)) && last >= options.from) {
      spliceBatch(batch, attributes, partition, options)
    }
  }
}

function* batchStarts(records: Buffer): Generator<number> {
  for (let at = 0; at + headerBytes <= records.length; ) {
    const end = at + lengthAt + 4 + records.readInt32BE(at + lengthAt)
    if (end > records.length) return // cut off by the size limit of the fetch; the next fetch brings it whole
    yield at
    at = end
  }
}

function check(batch: Buffer, base: bigint, where: string): void {
  const magic = batch.readInt8(magicAt)
  if (magic !== 2)
    throw new KafkaRecordsError(
      `${where}: batch at offset ${base} has record format ${magic}; binlake reads format 2 (Kafka 0.11 and later)`,
    )
  if (crc32c(batch.subarray(attributesAt)) !== batch.readUInt32BE(crcAt)) {
    throw new KafkaRecordsError(`${where}: batch at offset ${base} fails its checksum; check the broker's disk and network`)
  }
}

function spliceBatch(
  batch: Buffer,
  attributes: number,
  partition: number,
  options: { from: bigint; spool: Spool; where: string },
): void {
  const body = decompress(batch.subarray(headerBytes), attributes & compressionMask, options.where)
  const base = Number(batch.readBigInt64BE(0))
  const baseTimestamp = Number(batch.readBigInt64BE(baseTimestampAt))
  const from = Number(options.from)
  const control = new ControlBytes(body)
  const headersOf = new Headers(body)
  const cursor = new Cursor(body)
  for (let count = batch.readInt32BE(countAt); count > 0; count--) {
    const length = cursor.varint()
    const end = cursor.at + length
    cursor.at++ // attributes of a record are unused
    const timestamp = baseTimestamp + cursor.varint()
    const offset = base + cursor.varint()
    const keyLength = cursor.varint()
    const keyAt = cursor.at
    cursor.at += Math.max(keyLength, 0)
    const valueLength = cursor.varint()
    const valueAt = cursor.at
    cursor.at += Math.max(valueLength, 0)
    if (offset >= from) {
      const headers = headersOf.read(cursor, end)
      if (control.between(keyAt, valueAt + valueLength) && (control.in(keyAt, keyLength) || control.in(valueAt, valueLength))) {
        options.spool.append(
          partition,
          offset,
          timestamp,
          headers,
          slice(body, keyAt, keyLength),
          slice(body, valueAt, valueLength),
        )
      } else {
        options.spool.splice(partition, offset, timestamp, headers, body, keyAt, keyLength, body, valueAt, valueLength)
      }
    }
    cursor.at = end
  }
}

function decompress(bytes: Buffer, codec: number, where: string): Buffer {
  if (codec === 0) return bytes
  // Batches of change events grow tenfold: larger chunks save joining many small ones.
  if (codec === zstd) return zstdDecompressSync(bytes, { chunkSize: 1 << 18 })
  const algorithm = compressionsAlgorithmsByBitmask[codec as keyof typeof compressionsAlgorithmsByBitmask]
  if (!algorithm)
    throw new KafkaRecordsError(`${where}: unknown compression codec ${codec}; binlake reads gzip, snappy, lz4 and zstd`)
  return algorithm.decompressSync(bytes) as Buffer
}

/** Headers as JSON text `[["name","value"],…]`, or null when there are none. Debezium puts the same ones on every record. */
class Headers {
  readonly #bytes: Buffer
  #from = 0
  #to = 0
  #text: string | null = null

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  read(cursor: Cursor, end: number): string | null {
    const from = cursor.at
    const same = end - from === this.#to - this.#from && this.#bytes.compare(this.#bytes, this.#from, this.#to, from, end) === 0
    if (!same) this.#text = parseHeaders(cursor)
    this.#from = from
    this.#to = end
    return this.#text
  }
}

function parseHeaders(cursor: Cursor): string | null {
  const count = cursor.varint()
  if (count === 0) return null
  const headers: [string, string | null][] = []
  for (let i = 0; i < count; i++) headers.push([cursor.text() ?? '', cursor.text()])
  return JSON.stringify(headers)
}

function slice(bytes: Buffer, at: number, length: number): Buffer | null {
  return length < 0 ? null : bytes.subarray(at, at + length)
}

/** Finds control bytes by memchr across the whole body, so that a record without one costs three comparisons. */
class ControlBytes {
  readonly #bytes: Buffer
  readonly #next: [byte: number, at: number][]

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#next = [separator, newline, carriageReturn].map(byte => [byte, -1])
  }

  /** Whether a control byte may lie in [from, to): framing bytes between key and value count too. */
  between(from: number, to: number): boolean {
    let found = false
    for (const next of this.#next) {
      if (next[1] < from) {
        const at = this.#bytes.indexOf(next[0], from)
        next[1] = at < 0 ? Number.POSITIVE_INFINITY : at
      }
      found ||= next[1] < to
    }
    return found
  }

  in(at: number, length: number): boolean {
    const part = this.#bytes.subarray(at, at + Math.max(length, 0))
    return part.includes(separator) || part.includes(newline) || part.includes(carriageReturn)
  }
}

/** Reads zigzag varints (protobuf's, as Kafka's record format uses them) up to 2^53. */
class Cursor {
  at = 0
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.#bytes[this.at++]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) break
      scale *= 128
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  text(): string | null {
    const length = this.varint()
    if (length < 0) return null
    const text = this.#bytes.toString('utf8', this.at, this.at + length)
    this.at += length
    return text
  }
}
