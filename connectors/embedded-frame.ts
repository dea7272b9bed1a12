// One record of the embedded log on disk: length twice, checksum, then offset, timestamp, headers, key and value.
// Guarantee: a frame that was not written whole, or was changed since, is told from a whole one.
import { crc32 } from 'node:zlib'

/** A record to append. Headers are `[name, value]` pairs, or the JSON text of such a list. */
export interface LogRecord {
  key: string | Buffer | null
  value: string | Buffer | null
  headers?: string | readonly (readonly [string, string | null])[] | null
  /** Milliseconds since 1970; the time of appending when absent. */
  timestamp?: number
  /** An offset beyond the next leaves a gap, as Kafka's transaction markers do. */
  offset?: number
}

/** A whole frame inside a buffer that is reused: copy what is to be kept. A length of -1 is null. */
export interface Frame {
  offset: number
  timestamp: number
  headers: string | null
  bytes: Buffer
  keyAt: number
  keyLength: number
  valueAt: number
  valueLength: number
}

/** Bytes before the body: its length, the same inverted, its checksum. */
export const prefix = 12
/** The body's fixed part: offset, timestamp, three lengths. */
const fixed = 28
/** Collects frames in one growing buffer. */
export class FrameBuffer {
  #bytes = Buffer.allocUnsafe(64 << 10)
  #used = 0
  #records = 0

  get records(): number {
    return this.#records
  }

  get length(): number {
    return this.#used
  }

  /** Valid until the next `add` or `clear`. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#used)
  }

  add(offset: number, { key, value, headers = null, timestamp = Date.now() }: LogRecord): void {
    const head = headers === null || typeof headers === 'string' ? headers : JSON.stringify(headers)
    this.#reserve(prefix + fixed + room(head) + room(key) + room(value))
    const start = this.#used
    const bytes = this.#bytes
    bytes.writeDoubleLE(offset, start + prefix)
    bytes.writeDoubleLE(timestamp, start + prefix + 8)
    let at = start + prefix + fixed
    at += this.#put(head, at, start + prefix + 16)
    at += this.#put(key, at, start + prefix + 20)
    at += this.#put(value, at, start + prefix + 24)
    const length = at - start - prefix
    bytes.writeUInt32LE(length, start)
    bytes.writeUInt32LE(~length >>> 0, start + 4)
    bytes.writeUInt32LE(crc32(bytes.subarray(start + prefix, at)), start + 8)
    this.#used = at
    this.#records++
  }

  clear(): void {
    this.#used = 0
    this.#records = 0
  }

  /** Writes a field at `at` and its length at `lengthAt`; returns the bytes written. */
  #put(field: string | Buffer | null, at: number, lengthAt: number): number {
    if (field === null) {
      this.#bytes.writeInt32LE(-1, lengthAt)
      return 0
    }
    const length = typeof field === 'string' ? this.#bytes.write(field, at) : field.copy(this.#bytes, at)
    this.#bytes.writeInt32LE(length, lengthAt)
    return length
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#used + bytes))
    this.#bytes.copy(grown, 0, 0, this.#used)
    this.#bytes = grown
  }
}

/** Length of the frame at `at`; undefined when its first bytes are not all there, -1 when they are not a frame's. */
export function frameLength(bytes: Buffer, at: number): number | undefined {
  if (at + prefix > bytes.length) return undefined
  const body = bytes.readUInt32LE(at)
  return bytes.readUInt32LE(at + 4) === ~body >>> 0 && body >= fixed ? prefix + body : -1
}

/** Whether the frame at `at`, which lies whole in `bytes`, is as it was written. */
export function intact(bytes: Buffer, at: number, length: number): boolean {
  return bytes.readUInt32LE(at + 8) === crc32(bytes.subarray(at + prefix, at + length))
}

export function offsetAt(bytes: Buffer, at: number): number {
  return bytes.readDoubleLE(at + prefix)
}

export function frameAt(bytes: Buffer, at: number): Frame {
  const body = at + prefix
  const headersLength = bytes.readInt32LE(body + 16)
  const keyLength = bytes.readInt32LE(body + 20)
  const valueLength = bytes.readInt32LE(body + 24)
  const headersAt = body + fixed
  const keyAt = headersAt + Math.max(headersLength, 0)
  return {
    offset: bytes.readDoubleLE(body),
    timestamp: bytes.readDoubleLE(body + 8),
    headers: headersLength < 0 ? null : bytes.toString('utf8', headersAt, keyAt),
    bytes,
    keyAt,
    keyLength,
    valueAt: keyAt + Math.max(keyLength, 0),
    valueLength,
  }
}

/** The frame's key, copied. */
export function keyText({ bytes, keyAt, keyLength }: Frame): string | null {
  return keyLength < 0 ? null : bytes.toString('utf8', keyAt, keyAt + keyLength)
}

/** The frame's value, copied. */
export function valueText({ bytes, valueAt, valueLength }: Frame): string | null {
  return valueLength < 0 ? null : bytes.toString('utf8', valueAt, valueAt + valueLength)
}

/** Bytes a field may need: a UTF-16 unit is at most three in UTF-8. */
function room(field: string | Buffer | null): number {
  if (field === null) return 0
  return typeof field === 'string' ? field.length * 3 : field.length
}
