// Applies the simulation's transactions to MySQL, each between its own BEGIN and COMMIT.
// Guarantee: transactions commit in order and whole; after an error or an abort the database holds a prefix of them.
import type { Connection, ResultSetHeader } from 'mysql2/promise'
import { deliver, type WriteOptions } from './deliver.ts'
import { asShopMysqlError } from './mysql-error.ts'
import { statementsOf } from './mysql-statements.ts'
import type { Summary } from './summary.ts'
import type { ShopTransaction } from './transaction.ts'

/** Transactions in one round trip when there is no rate. */
const batchSize = 100

/** `connection` is one of openShopDatabase. Throws ShopMysqlError. */
export function toMysql(source: Iterable<ShopTransaction>, connection: Connection, options: WriteOptions): Promise<Summary> {
  const apply = async (batch: ShopTransaction[]) => {
    try {
      await connection.query<ResultSetHeader[]>(batch.flatMap(statementsOf).join(';'))
    } catch (error) {
      // The failed transaction is still open; what came before it is committed.
      await connection.query('ROLLBACK').catch(() => {})
      throw asShopMysqlError(error)
    }
  }
  return deliver(source, apply, { ...options, batchSize })
}
