// What stops one table until a person has looked, while its bronze and the other tables go on.
import type { KafkaPlace } from './decide.ts'

/** Events that only a person can judge. The message says what, where, why, and the command to type. */
export class TableHalted extends Error {
  readonly code = 'TABLE_HALTED'
  readonly retryable = false
  /** The event that no rule decides, if it is one: `binlake resume` lets a new epoch begin there. */
  readonly place: KafkaPlace | undefined

  constructor(message: string, place?: KafkaPlace) {
    super(message)
    this.name = 'TableHalted'
    this.place = place
  }
}
