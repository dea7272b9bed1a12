// Reads one partition file of the embedded log forward, while somebody may be appending to it.
// Guarantee: only whole frames are seen, in offset order, each once; a frame still being written is seen when it is whole.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { EmbeddedLogError } from './embedded-error.ts'
import { type Frame, frameAt, frameLength, intact, offsetAt, prefix } from './embedded-frame.ts'
import { readWaypoints, type Waypoint } from './embedded-index.ts'

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
    this.#base = this.#waypoint(from).position
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
    const { offset, position } = this.#waypoint(Number.POSITIVE_INFINITY)
    if (position > this.position) {
      this.#base = position
      this.#at = 0
      this.#filled = 0
      // The record at the waypoint itself may not be whole.
      this.#next = Math.max(this.#next, offset)
    }
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
      if (length === -1) {
        this.#refuseUnlessLast(prefix)
        return undefined
      }
      if (length !== undefined && this.#at + length <= this.#filled) {
        if (intact(this.#chunk, this.#at, length)) return length
        this.#refuseUnlessLast(length)
        return undefined
      }
      if (!this.#load(length ?? 0)) return undefined
    }
  }

  /** A broken frame with something after it is damage; at the very end it is an append that is not finished. */
  #refuseUnlessLast(length: number): void {
    const rest = Buffer.alloc(64 << 10)
    for (let at = this.position + length; ; ) {
      const got = readSync(this.#fd, rest, 0, rest.length, at)
      if (got === 0) return
      // After a power cut a file may be longer than what was written to it.
      if (rest.subarray(0, got).some(byte => byte !== 0)) break
      at += got
    }
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

  /** The last waypoint at or before an offset that the log confirms. */
  #waypoint(offset: number): Waypoint {
    const size = fstatSync(this.#fd).size
    const head = Buffer.alloc(prefix + 8)
    for (const { offset: at, position } of readWaypoints(this.file).reverse()) {
      if (at > offset || position + head.length > size) continue
      readSync(this.#fd, head, 0, head.length, position)
      if (frameLength(head, 0) !== -1 && offsetAt(head, 0) === at) return { offset: at, position }
    }
    return { offset: 0, position: 0 }
  }
}
