// What the three readers have in common: their task, the records they hand over, the clock, and what they print.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Spool } from '../../../connectors/spool.ts'
import { type Measured, ownTask, peakBytes, startClock } from '../rounds.ts'

export interface ReadTask {
  brokers: string[]
  /** Of one partition. */
  topic: string
  /** Records to read, from the start. */
  records: number
  /** True: write the spool file that the next stage would read. False: only count. */
  spool: boolean
}

export const readTask = ownTask<ReadTask>

/** Takes a client's records one by one, as the pipeline would have to: into a spool line, or just counted. */
export class Taker {
  readonly done: Promise<void>
  readonly #finish: () => void
  readonly #wanted: number
  readonly #spool: Spool | undefined
  #records = 0
  #bytes = 0
  #stopClock: ReturnType<typeof startClock> | undefined
  #taken = { seconds: 0, cpuSeconds: 0 }

  constructor({ records, spool, folder }: ReturnType<typeof readTask>) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.done = promise
    this.#finish = resolve
    this.#wanted = records
    this.#spool = spool ? new Spool(join(folder, 'reading.spool')) : undefined
  }

  /** Starts the clock: the client is connected, the first fetch is about to be sent. */
  start(): void {
    this.#stopClock ??= startClock()
  }

  take(offset: number | bigint, timestamp: number, headers: string | null, key: Buffer | null, value: Buffer | null): void {
    if (this.#records === this.#wanted) return
    this.#spool?.append(0, offset, timestamp, headers, key, value)
    this.#bytes += (key?.length ?? 0) + (value?.length ?? 0)
    if (++this.#records < this.#wanted) return
    this.#spool?.finish('', '')
    this.#taken = this.#stopClock!()
    this.#finish()
  }

  async measured(): Promise<Measured> {
    const peak = peakBytes()
    const digest = this.#spool ? await digestOf([this.#spool.file]) : `${this.#bytes} bytes of keys and values`
    return { rows: this.#records, ...this.#taken, peakBytes: peak, digest }
  }
}

/** Over the files' bytes in a row. */
export async function digestOf(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256')
  for (const file of files) await pipeline(createReadStream(file), hash, { end: false })
  return hash.digest('hex')
}

/** Headers as binlake keeps them: JSON text, or null when there are none. */
export function headersText(headers: Iterable<readonly [string, Buffer | null]>): string | null {
  const list = [...headers]
  return list.length === 0 ? null : JSON.stringify(list.map(([name, value]) => [name, value === null ? null : value.toString()]))
}
