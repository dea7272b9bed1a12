// Splices raw record bytes into a spool file, a line a record, for DuckDB to read; nothing is parsed here.
// Guarantee: a line break or separator in the file is always one of ours; a record holding one is set aside with its bytes.
import { isUtf8 } from 'node:buffer'
import { closeSync, openSync, writeSync } from 'node:fs'
import type { OffsetRange, PoisonRecord, TopicBatch } from './source.ts'

const separator = 0x1f
const newline = 0x0a
const carriageReturn = 0x0d
const nullText = Buffer.from('\\N')
const chunkBytes = 4 << 20
/** Room a line needs besides headers, key and value: three numbers, separators, nulls. */
const lineOverhead = 96

/** One topic's spool file while it is being written. Call `finish` or `discard`. */
export class Spool {
  readonly file: string
  readonly #fd: number
  #chunk = Buffer.allocUnsafe(chunkBytes)
  #used = 0
  #records = 0
  #bytes = 0
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
    return this.#bytes + this.#used
  }

  /** Notes that offsets up to `to` (exclusive) of a partition are covered by this spool. */
  covered(partition: number, from: bigint, to: bigint): void {
    const range = this.#ranges.get(partition)
    if (range) range.to = to
    else this.#ranges.set(partition, { from, to })
  }

  /** Adds a record, or sets it aside as poison. `headers` is JSON text made by us; key and value are verbatim. */
  append(partition: number, offset: bigint, timestamp: number, headers: string | null, key: Buffer | null, value: Buffer | null): void {
    const reason = defect(key) ?? defect(value)
    if (reason) {
      this.#poison.push({ partition, offset, timestamp, reason, key: key && Buffer.from(key), value: value && Buffer.from(value) })
      return
    }
    const headerBytes = headers === null ? nullText : Buffer.from(headers)
    const room = lineOverhead + headerBytes.length + (key?.length ?? 0) + (value?.length ?? 0)
    if (this.#used + room > this.#chunk.length) this.#flush(room)
    const chunk = this.#chunk
    let at = this.#used
    at += chunk.write(`${partition}\x1f${offset}\x1f${timestamp}\x1f`, at, 'latin1')
    at += headerBytes.copy(chunk, at)
    chunk[at++] = separator
    at += (key ?? nullText).copy(chunk, at)
    chunk[at++] = separator
    at += (value ?? nullText).copy(chunk, at)
    chunk[at++] = newline
    this.#used = at
    this.#records++
  }

  finish(topic: string, topicId: string): TopicBatch {
    this.#flush(0)
    closeSync(this.#fd)
    return {
      topic,
      topicId,
      spool: this.file,
      records: this.#records,
      bytes: this.#bytes,
      ranges: this.#ranges,
      poison: this.#poison,
    }
  }

  /** Closes the file without giving it to anyone; the caller removes it. */
  discard(): void {
    closeSync(this.#fd)
  }

  #flush(room: number): void {
    for (let done = 0; done < this.#used; ) done += writeSync(this.#fd, this.#chunk, done, this.#used - done)
    this.#bytes += this.#used
    this.#used = 0
    if (room > this.#chunk.length) this.#chunk = Buffer.allocUnsafe(room)
  }
}

function defect(bytes: Buffer | null): PoisonRecord['reason'] | undefined {
  if (bytes === null) return undefined
  if (bytes.includes(separator) || bytes.includes(newline) || bytes.includes(carriageReturn)) return 'control_character'
  return isUtf8(bytes) ? undefined : 'not_utf8'
}
