// Reads one partition file of the embedded log forward, while somebody may be appending to it.
// Guarantee: only whole frames are seen, in offset order, each once; a frame still being written is seen when it is whole.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { EmbeddedLogError } from './embedded-error.ts'
import { type Frame, frameAt, frameLength, intact, offsetAt } from './embedded-frame.ts'
import { readWaypoints } from './embedded-index.ts'

const chunkBytes = 1 << 20

/** Close it when done. */
export class PartitionReader {
  readonly file: string
  readonly #fd: number
  #chunk = Buffer.allocUnsafe(chunkBytes)
  /** Bytes of the chunk that were read from the file. */
  #filled = 0
  /** Where the next frame starts in the chunk. */
  #at = 0
  /** Where the chunk starts in the file. */
  #base = 0
  #next: number

  /** Starts at the first record whose offset is `from` or higher. */
  constructor(file: string, from = 0) {
    this.file = file
    this.#fd = openSync(file, 'r')
    this.#next = from
    this.#base = this.#waypoint(from)
  }

  /** The offset after the last record seen; at first, `from`. */
  get next(): number {
    return this.#next
  }

  /** Byte in the file after the last whole frame seen. */
  get position(): number {
    return this.#base + this.#at
  }

  /** Hands over records until `visit` returns false or no whole frame is left. The frame is valid during the call only. */
  read(visit: (frame: Frame) => boolean): void {
    for (;;) {
      const length = this.#frame()
      if (length === undefined) {
        // A rest may still be growing, or be cut off by the next writer: it is read afresh.
        this.#filled = this.#at
        return
      }
      const offset = offsetAt(this.#chunk, this.#at)
      const frame = offset >= this.#next ? frameAt(this.#chunk, this.#at) : undefined
      this.#at += length
      if (!frame) continue
      this.#next = offset + 1
      if (!visit(frame)) return
    }
  }

  /** Walks to the end without looking at the records, and returns the offset after the last. */
  skipToEnd(): number {
    this.#base = Math.max(this.position, this.#waypoint(Number.POSITIVE_INFINITY))
    this.#at = 0
    this.#filled = 0
    this.read(() => true)
    return this.#next
  }

  close(): void {
    closeSync(this.#fd)
  }

  /** The length of the frame at `#at`, which is whole in the chunk and intact; undefined at the end of what was written. */
  #frame(): number | undefined {
    for (;;) {
      const length = frameLength(this.#chunk.subarray(0, this.#filled), this.#at)
      if (length !== undefined && this.#at + length <= this.#filled) {
        if (intact(this.#chunk, this.#at, length)) return length
        this.#refuseUnlessLast(length)
        return undefined
      }
      if (!this.#load(length ?? 0)) return undefined
    }
  }

  /** A broken frame with a good one after it is damage; at the very end it is an append that is not finished. */
  #refuseUnlessLast(length: number): void {
    const after = Buffer.alloc(8)
    const got = readSync(this.#fd, after, 0, after.length, this.position + length)
    if (got < after.length || frameLength(after, 0) === undefined) return
    throw new EmbeddedLogError(
      'EMBEDDED_LOG_CORRUPT',
      `${this.file}: the record at byte ${this.position} does not match its checksum; restore the file from a copy`,
    )
  }

  /** Moves the unread rest to the front and reads on. False when nothing was added. */
  #load(wanted: number): boolean {
    this.#base += this.#at
    this.#chunk.copyWithin(0, this.#at, this.#filled)
    this.#filled -= this.#at
    this.#at = 0
    if (wanted > this.#chunk.length) this.#grow(wanted)
    const got = readSync(this.#fd, this.#chunk, this.#filled, this.#chunk.length - this.#filled, this.#base + this.#filled)
    this.#filled += got
    return got > 0
  }

  #grow(bytes: number): void {
    const grown = Buffer.allocUnsafe(bytes)
    this.#chunk.copy(grown, 0, 0, this.#filled)
    this.#chunk = grown
  }

  /** The byte of the last waypoint at or before an offset that the log confirms. */
  #waypoint(offset: number): number {
    const size = fstatSync(this.#fd).size
    const head = Buffer.alloc(16)
    for (const { offset: at, position } of readWaypoints(this.file).reverse()) {
      if (at > offset || position + head.length > size) continue
      readSync(this.#fd, head, 0, head.length, position)
      if (frameLength(head, 0) !== undefined && offsetAt(head, 0) === at) return position
    }
    return 0
  }
}
