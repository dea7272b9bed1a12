// Appends to one partition file of the embedded log.
// Guarantee: offsets go on where the last whole record ended; what a crash left of a record is cut off before the first append.
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { addWaypoint } from './embedded-index.ts'
import { PartitionReader } from './embedded-reader.ts'

/** Bytes between two waypoints. */
const waypointEvery = 1 << 20

/** Only one per file at a time: EmbeddedLog sees to it. */
export class PartitionWriter {
  readonly file: string
  readonly #fd: number
  #end: number
  #size: number
  #sinceWaypoint = waypointEvery

  constructor(file: string) {
    this.file = file
    this.#fd = openSync(file, 'a+')
    const reader = new PartitionReader(file)
    try {
      this.#end = reader.skipToEnd()
      this.#size = reader.position
    } finally {
      reader.close()
    }
    if (fstatSync(this.#fd).size > this.#size) ftruncateSync(this.#fd, this.#size)
  }

  /** The next offset. */
  get end(): number {
    return this.#end
  }

  /** Appends finished frames whose offsets start at or after `end`; `next` is the offset after the last. */
  append(frames: Buffer, { first, next }: { first: number; next: number }): void {
    if (this.#sinceWaypoint >= waypointEvery) {
      addWaypoint(this.file, { offset: first, position: this.#size })
      this.#sinceWaypoint = 0
    }
    for (let done = 0; done < frames.length; ) done += writeSync(this.#fd, frames, done)
    this.#size += frames.length
    this.#sinceWaypoint += frames.length
    this.#end = next
  }

  close(): void {
    fsyncSync(this.#fd)
    closeSync(this.#fd)
  }
}
