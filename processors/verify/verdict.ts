// What `verify` found of a table: the shape of its JSON report (docs/verify.md).
// Guarantee: counts, names of columns and tokens of keys; never a key or a value.

export type Difference = 'missing in silver' | 'only in silver' | 'different'

/** How sure a verdict is. */
export type Compared =
  /** Silver as it was exactly where MySQL stood. */
  | 'at the position'
  /** Silver as it is now; differences were looked at again, and those that stayed are told. */
  | 'now'
  | 'not'

export interface TableVerdict {
  table: string
  /** True: every row and column of silver is what MySQL holds. */
  equal: boolean
  compared: Compared
  rows: { source: number; silver: number }
  ranges: { all: number; differing: number }
  /** Rows that differ, by kind. */
  differences: Record<Difference, number>
  /** Some of their keys, as tokens: no value is printed. */
  examples: { key: string; difference: Difference; columns: string[] }[]
  /** Rows that differed but kept changing on one side, so that no difference stayed: not counted above. */
  unsettled: number
  /** Why a difference may be none: silver has not reached the position. */
  behind?: string
  /** Why the table was not compared. */
  skipped?: string
  /** What `--repair` did; the counts above are then of what is left. */
  repair?: Repair
  /** Why comparing it failed, though others went on; `code` as in docs/errors.md. */
  failed?: { code: string; reason: string; retryable: boolean }
}

/** Numbers of rows. */
export interface Repair {
  found: number
  /** Put back as bronze makes them: silver was damaged. */
  remade: number
  /** Asked for as snapshots. */
  asked: number
  /** Deleted from silver, because MySQL has them no more. */
  deleted: number
  mended: number
  left: number
  /** What could not be mended, and what to do. */
  notes: string[]
}

export function emptyVerdict(table: string, ranges: number): TableVerdict {
  return {
    table,
    equal: false,
    compared: 'not',
    rows: { source: 0, silver: 0 },
    ranges: { all: ranges, differing: 0 },
    differences: { 'missing in silver': 0, 'only in silver': 0, different: 0 },
    examples: [],
    unsettled: 0,
  }
}

export function wasCompared({ compared }: TableVerdict): boolean {
  return compared !== 'not'
}

/** It was compared, and something differs that is not merely on its way. */
export function differs(verdict: TableVerdict): boolean {
  return wasCompared(verdict) && !verdict.equal && verdict.behind === undefined
}
