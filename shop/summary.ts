// What a writer did, counted.
// Guarantee: only transactions that were committed count.
import type { Change, ShopTransaction } from './transaction.ts'

export interface Summary {
  transactions: number
  /** Rows by table and operation, e.g. `rows.orders.update`. */
  rows: Record<string, Record<Change['op'], number>>
  /** All of them. */
  changes: number
  /** From the first transaction to the last. */
  seconds: number
}

/** Called after each batch with the sums so far; the object is the writer's own and changes later. */
export type OnProgress = (summary: Readonly<Summary>) => void

export function emptySummary(): Summary {
  return { transactions: 0, rows: {}, changes: 0, seconds: 0 }
}

/** Adds a batch that has been committed. `began` is performance.now() of the start. */
export function count(summary: Summary, batch: readonly ShopTransaction[], began: number): void {
  for (const { changes } of batch) {
    summary.transactions++
    summary.changes += changes.length
    for (const { table, op } of changes) {
      summary.rows[table] ??= { insert: 0, update: 0, delete: 0 }
      summary.rows[table][op]++
    }
  }
  summary.seconds = (performance.now() - began) / 1000
}
