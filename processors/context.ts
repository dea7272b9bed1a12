// What every step behind bronze works with: the lake, the policy with its keys, the gold models.
import type { Logger } from 'pino'
import type { Duck } from '../lake/duckdb.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import type { Keys } from '../privacy/keys.ts'
import type { Policy } from '../privacy/policy.ts'
import type { GoldModel } from '../sql/gold-models.ts'
import type { Modes } from './schema/kinds.ts'
import type { WholeTransactions } from './transactions/whole-transactions.ts'

export interface Context {
  duck: Duck
  lake: Lakehouse
  policy: Policy
  keys: Keys
  /** In dependency order, as loadGoldModels gives them. */
  gold: readonly GoldModel[]
  /** What is done about changes of tables' schemas that nothing was decided about yet; absent: by default. */
  schemaModes?: Modes
  /** Gold shows whole transactions of the source only; absent: silver as it is. */
  transactions?: WholeTransactions
  log: Logger
}
