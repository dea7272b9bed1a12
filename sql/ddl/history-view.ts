// The view of a history table that closes its versions, as `binlake sql` shows it (sql/views.ts).
import { type Dialect, piece, Quoted } from './dialect.ts'

export interface HistoryView {
  dialect: Dialect
  /** The history table, quoted. */
  from: Quoted
  key: readonly string[]
  /** How the engine says `lead(_valid_from)` over a window, and a truth value. */
  lead?: (window: Quoted) => Quoted
  truth?: (condition: Quoted) => Quoted
}

/** The view's SELECT: all columns, `_valid_to` (exclusive, NULL for the newest version of a key) and `_is_current`. */
export function historySelect({ dialect, from, key, lead, truth = condition => condition }: HistoryView): Quoted {
  const columns = new Quoted(key.map(column => dialect.id(column).text).join(', '))
  const window = piece`PARTITION BY ${columns} ORDER BY ${dialect.id('_valid_from')}, ${dialect.id('_seq')}`
  const next = lead ? lead(window) : piece`lead(${dialect.id('_valid_from')}) OVER (${window})`
  const current = piece`${dialect.id('_valid_to')} IS NULL AND ${dialect.id('_op')} NOT IN ('d', 't')`
  return piece`SELECT v.*, ${truth(current)} AS ${dialect.id('_is_current')}
FROM (SELECT h.*, ${next} AS ${dialect.id('_valid_to')} FROM ${from} h) v`
}
