// Applies the simulation's transactions to the embedded shop.
// Guarantee: transactions are committed in order and whole; after an error or an abort the shop holds a prefix of them.
import { deliver, type WriteOptions } from './deliver.ts'
import type { EmbeddedShop } from './embedded-shop.ts'
import type { Summary } from './summary.ts'
import type { ShopTransaction } from './transaction.ts'

/** Transactions in one commit when there is no rate. */
const batchSize = 500

/** Throws EmbeddedLogError. */
export function toEmbedded(source: Iterable<ShopTransaction>, shop: EmbeddedShop, options: WriteOptions): Promise<Summary> {
  const apply = async (batch: ShopTransaction[]) => {
    shop.apply(batch)
    // Nothing here waits for anything: let signals and timers have their turn.
    await new Promise(resolve => setImmediate(resolve))
  }
  return deliver(source, apply, { ...options, batchSize })
}
