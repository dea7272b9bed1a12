// Applies the simulation's transactions to the embedded shop.
// Guarantee: transactions are committed in order and whole; after an error or an abort the shop holds a prefix of them.
import type { EmbeddedShop } from './embedded-shop.ts'
import { paced } from './pace.ts'
import { count, emptySummary, type Summary } from './summary.ts'
import type { WriteOptions } from './to-mysql.ts'
import type { ShopTransaction } from './transaction.ts'

/** Transactions in one commit when there is no rate. */
const batchSize = 500

/** Throws EmbeddedLogError. */
export async function toEmbedded(
  source: Iterable<ShopTransaction>,
  shop: EmbeddedShop,
  { rate, forMs, signal, onProgress }: WriteOptions,
): Promise<Summary> {
  const summary = emptySummary()
  const began = performance.now()
  const pace = { rate, batchSize, signal, ...(forMs === undefined ? {} : { forMs }) }
  for await (const batch of paced(source, pace)) {
    shop.apply(batch)
    count(summary, batch, began)
    onProgress?.(summary)
    // Nothing here waits for anything: let signals and timers have their turn.
    await new Promise(resolve => setImmediate(resolve))
  }
  return summary
}
