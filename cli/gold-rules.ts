// What the configuration says about gold, for the steps that refresh it.
import type { WholeTransactions } from '../processors/transactions/whole-transactions.ts'
import type { Config } from './config.ts'

/** Empty: gold shows silver as it is. */
export function goldRules({ gold }: Config): { transactions?: WholeTransactions } {
  return gold.transactions === 'whole' ? { transactions: { patienceMs: gold.patience } } : {}
}
