// Writes due checkpoints beside the commits that made them due, one at a time, and at the end those that a start would miss.
// Guarantee: a checkpoint that fails costs nothing but time: the log is whole without it.
import type { Logger } from 'pino'
import { checkpoint, checkpointDue } from '../../lake/checkpoint.ts'
import type { Duck } from '../../lake/duckdb.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import type { Table } from '../../lake/table.ts'

/** So many commits are read as fast as a checkpoint. */
const few = 10

interface Seen {
  table: Table
  snapshot: Snapshot
  /** The version before the first one seen, or the last one with a checkpoint of ours. */
  from: number
}

export class Checkpoints {
  readonly #duck: Duck
  readonly #log: Logger
  readonly #seen = new Map<string, Seen>()
  /** Tables that wait for a checkpoint: of each, only the newest version counts. */
  readonly #due = new Set<string>()
  #working: Promise<void> | undefined

  /** `duck` is used by this object alone. */
  constructor(duck: Duck, log: Logger) {
    this.#duck = duck
    this.#log = log
  }

  /** Hears of a commit. Writes a checkpoint later if one is due. */
  consider(table: Table, snapshot: Snapshot): void {
    const from = this.#seen.get(table.path)?.from ?? snapshot.version - 1
    this.#seen.set(table.path, { table, snapshot, from })
    if (!checkpointDue(snapshot)) return
    this.#due.add(table.path)
    this.#working ??= this.#work()
  }

  /** Waits for the checkpoints under way, and writes one for each table that has grown by more than a few commits since its last. */
  async finish(): Promise<void> {
    await this.#working
    for (const [path, { snapshot, from }] of this.#seen) if (snapshot.version - from > few) this.#due.add(path)
    await this.#work()
  }

  async #work(): Promise<void> {
    for (const path of this.#due) {
      this.#due.delete(path)
      const seen = this.#seen.get(path)!
      await this.#write(seen)
    }
    this.#working = undefined
  }

  async #write({ table, snapshot }: Seen): Promise<void> {
    try {
      await checkpoint(this.#duck, table, snapshot)
      const seen = this.#seen.get(table.path)!
      this.#seen.set(table.path, { ...seen, from: snapshot.version })
    } catch (error) {
      this.#log.warn(
        { table: table.path, version: snapshot.version, reason: String(error) },
        'no checkpoint could be written; the next one will do',
      )
    }
  }
}
