// Applies the simulation's transactions to MySQL, each between its own BEGIN and COMMIT.
// Guarantee: transactions commit in order and whole; after an error or an abort the database holds a prefix of them.
import type { Connection, ResultSetHeader } from 'mysql2/promise'
import { asShopMysqlError } from './mysql-error.ts'
import { statementsOf } from './mysql-statements.ts'
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

/** Transactions in one round trip when there is no rate. */
const batchSize = 100

/** `connection` is one of openShopDatabase. Throws ShopMysqlError. */
export async function toMysql(
  source: Iterable<ShopTransaction>,
  connection: Connection,
  { rate, forMs, signal, onProgress }: WriteOptions,
): Promise<Summary> {
  const summary = emptySummary()
  const began = performance.now()
  const pace = { rate, batchSize, signal, ...(forMs === undefined ? {} : { forMs }) }
  for await (const batch of paced(source, pace)) {
    try {
      await connection.query<ResultSetHeader[]>(batch.flatMap(statementsOf).join(';'))
    } catch (error) {
      // The failed transaction is still open; what came before it is committed.
      await connection.query('ROLLBACK').catch(() => {})
      throw asShopMysqlError(error)
    }
    count(summary, batch, began)
    onProgress?.(summary)
  }
  return summary
}
