// Writes due checkpoints beside the commits that made them due, one at a time.
// Guarantee: a checkpoint that fails costs nothing but time: the log is whole without it.
import type { Logger } from 'pino'
import { checkpoint, checkpointDue } from '../lake/checkpoint.ts'
import type { Duck } from '../lake/duckdb.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import type { Table } from '../lake/table.ts'

export class Checkpoints {
  readonly #duck: Duck
  readonly #log: Logger
  #working: Promise<void> = Promise.resolve()

  /** `duck` is used by this object alone. */
  constructor(duck: Duck, log: Logger) {
    this.#duck = duck
    this.#log = log
  }

  /** Writes a checkpoint later if this version is due one. */
  consider(table: Table, snapshot: Snapshot): void {
    if (!checkpointDue(snapshot)) return
    this.#working = this.#working
      .then(() => checkpoint(this.#duck, table, snapshot))
      .catch((error: unknown) => {
        this.#log.warn(
          { table: table.path, version: snapshot.version, reason: String(error) },
          'no checkpoint could be written; the next one will do',
        )
      })
  }

  /** Waits for the checkpoints under way. */
  async finish(): Promise<void> {
    await this.#working
  }
}
