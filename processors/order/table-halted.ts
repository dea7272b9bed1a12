// What stops one table until a person has looked, while its bronze and the other tables go on.
import type { KafkaPlace } from './decide.ts'

/** The first event in a partition that no rule decides. */
export interface HaltedAt extends KafkaPlace {
  /** Its binlog, if it is another than the one its row was changed in before (lineage.ts). */
  otherLog?: number
  /** What its row was last changed by, if that came by another partition. */
  after?: { partition: number; offset: bigint }
}

/** Events that only a person can judge. The message says what, where, why, and the command to type. */
export class TableHalted extends Error {
  readonly code = 'TABLE_HALTED'
  readonly retryable = false
  /** The events that no rule decides, if it is such, one a partition, in the order in which they came, the one of the message first: `binlake resume` lets a new epoch begin there. */
  readonly places: readonly HaltedAt[]

  constructor(message: string, places: readonly HaltedAt[] = []) {
    super(message)
    this.name = 'TableHalted'
    this.places = places
  }

  /** The event of the message. */
  get place(): HaltedAt | undefined {
    return this.places[0]
  }
}
