// Whose turn it is to be taken to silver: each table at its own interval, the one that waited longest first.
// Guarantee: a table that stands still, or is being worked on, has no turn.
import { type Halted, waitingCodes } from './halts.ts'
import type { TableName } from './source-schema.ts'
import { nameOf } from './table-name.ts'

export interface Turn {
  name: TableName
  /** Bronze may hold more than silver. */
  awake: boolean
  /** Records that bronze has got since the last merge. */
  pending: number
  mergedAt: number
  /** Least milliseconds from then to the next. */
  intervalMs: number
  /** Being built anew beside the others, or waiting for that. */
  aside: boolean
  halted?: Halted
  /** The decisions that the last step knew of. */
  decisions?: number
  /** Its silver waits for a person's word on a schema change; what is before that goes on. */
  held?: Halted & { change: string }
}

export interface DueOptions {
  owns: (table: TableName) => boolean
  /** A full step's worth of changes is always due. */
  maxRows: number
  /** There is an end to come soon: nothing less than a full step is due, as each merge writes old rows anew. */
  catchingUp: boolean
  /** Everything is due. */
  last: boolean
}

export class Turns {
  readonly #tables = new Map<string, Turn>()

  get all(): Turn[] {
    return [...this.#tables.values()]
  }

  /** Tables whose silver stands still. */
  get halted(): Halted[] {
    return this.all.flatMap(({ halted, held }) => halted ?? (held ? [held] : []))
  }

  /** Bronze has got more of a table. */
  wake(name: TableName, records: number): void {
    const key = nameOf(name)
    const turn = this.#tables.get(key) ?? { name, awake: true, pending: 0, mergedAt: 0, intervalMs: 0, aside: false }
    turn.awake = true
    turn.pending += records
    this.#tables.set(key, turn)
  }

  /** The due table that has waited longest. */
  next(options: DueOptions): Turn | undefined {
    const due = this.all.filter(
      turn => turn.awake && !turn.aside && !turn.halted && options.owns(turn.name) && isDue(turn, options),
    )
    return due.sort((a, b) => a.mergedAt - b.mergedAt)[0]
  }
}

/** What a table waited for may have come: it is due at once. */
export function goOn(turn: Turn): void {
  delete turn.halted
  Object.assign(turn, { awake: true, intervalMs: 0 })
}

/** Another look soon, but not at once. */
export function lookAgain(turn: Turn): void {
  Object.assign(turn, { awake: true, mergedAt: Date.now(), intervalMs: Math.max(turn.intervalMs, 500) })
}

/** A new schema change may be the one that a table waits for. */
export function forgive(turn: Turn): void {
  if (turn.halted && !waitingCodes.has(turn.halted.code)) return
  delete turn.halted
  turn.awake = true
}

function isDue({ pending, mergedAt, intervalMs }: Turn, { last, maxRows, catchingUp }: DueOptions): boolean {
  if (last || pending >= maxRows) return true
  return !catchingUp && Date.now() - mergedAt >= intervalMs
}
