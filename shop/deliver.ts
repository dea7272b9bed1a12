// Hands the simulation's transactions, at the rate asked for, to what applies them, and counts them.
// Guarantee: in order and whole; after an error or an abort what was applied is a prefix of them.
import { paced } from './pace.ts'
import { count, emptySummary, type OnProgress, type Summary } from './summary.ts'
import type { ShopTransaction } from './transaction.ts'

export interface WriteOptions {
  /** Transactions a second, 0 = as fast as possible. */
  rate: number
  /** Stop after this many milliseconds. */
  forMs?: number
  signal: AbortSignal
  onProgress?: OnProgress
}

/** `batchSize`: transactions that `apply` gets at once when there is no rate. Throws what `apply` throws. */
export async function deliver(
  source: Iterable<ShopTransaction>,
  apply: (batch: ShopTransaction[]) => Promise<void>,
  { rate, forMs, signal, onProgress, batchSize }: WriteOptions & { batchSize: number },
): Promise<Summary> {
  const summary = emptySummary()
  const began = performance.now()
  const pace = { rate, batchSize, signal, ...(forMs === undefined ? {} : { forMs }) }
  for await (const batch of paced(source, pace)) {
    await apply(batch)
    count(summary, batch, began)
    onProgress?.(summary)
  }
  return summary
}
