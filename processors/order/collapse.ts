// Collapse: of all changes of a key, which apply and which is the newest (cdc-spec §2.4). Set-based for keys whose events are plainly in order; others
// are first looked up in bronze, and what is still not plain goes row by row through `decide`.
// Guarantee: the same result as `decide` over every key's events in the order in which Kafka brought them.
import type { Duck } from '../../lake/duckdb.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import { decideTricky } from './decide-tricky.ts'
import { eventsOf, follows, inWindow, type KeyOrder, orderOf } from './key-order.ts'

export { TableHalted } from './table-halted.ts'

/** What `collapse` found, for the log and for tests. */
export interface Collapsed {
  /** Changes that do not apply: sent twice, or older than what the key has. */
  dropped: number
  /** Keys whose events went through `decide`. */
  decided: number
  /** Events with the ids of others of quite another time: the source's numbers have been used again. Absent: none. */
  reused?: number
}

export interface CollapseOptions {
  /** `database.table`, for messages. */
  table: string
  /** The key columns of `changes` and `state`. */
  key: readonly string[]
  /** Makes temp table `seen` (`_epoch, _partition, _offset`) of the given places, as identity.ts does. */
  findSeen: (places: Sql) => Promise<{ reused: number }>
  /** If the topic has several partitions: a query `_epoch, _partition, _offset, _arrived` of all changes, when each came into bronze. */
  arrivals?: Sql | undefined
  /** And a query for the positions of truncates taken before, in their order `_nth` (truncates.ts). */
  truncates?: Sql | undefined
  /** The numbers of GTIDs do not tell the order of transactions (gtid-order.ts). */
  unordered?: boolean | undefined
}

/**
 * Reads temp tables `changes` and `state` (what silver and its markers hold of the same keys).
 * Makes temp table `applied`: the changes that apply, with `_valid_from` and `_winner` (true: the newest of its key).
 * @throws TableHalted when a key's events contradict what is known and no rule decides
 */
export async function collapse(duck: Duck, options: CollapseOptions): Promise<Collapsed> {
  const { key, arrivals } = options
  await duck.run(eventsOf(key, options))
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE dropped (_row_id BIGINT)`)
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE decided (_row_id BIGINT)`)
  const order = await orderOf(duck, key, { several: arrivals !== undefined })
  const { reused } = await suspect(duck, order, options)
  const decided = await decideTricky(duck, options.table, order)
  await dropIdle(duck, order)
  await duck.run(appliedChanges(order))
  const counts = await duck.row<{ dropped: bigint }>(sql`SELECT count(*) AS dropped FROM dropped`)
  return { dropped: Number(counts?.dropped ?? 0), decided, ...(reused > 0 ? { reused } : {}) }
}

/** Makes temp table `tricky`: the keys left to `decide`. Events of others that were sent before are in `dropped` by then. */
async function suspect(duck: Duck, order: KeyOrder, { findSeen, truncates }: CollapseOptions): Promise<{ reused: number }> {
  const key = columns(order.key)
  const looked = order.inOrder && !truncates ? sql`events SEMI JOIN state USING (${key})` : sql`events`
  const among = order.all
    ? sql`SELECT DISTINCT ${key} FROM events WHERE NOT _known`
    : sql`SELECT DISTINCT ${key} FROM (${inWindow(order.byKey, looked, order.plain)}) WHERE NOT coalesce(_plain, false)`
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE tricky AS ${among}`)
  const suspects = await duck.row(sql`SELECT 1 FROM tricky LIMIT 1`)
  if (!suspects) return { reused: 0 }
  const suspected = sql`events SEMI JOIN tricky USING (${key})`
  const found = await findSeen(sql`(SELECT DISTINCT _epoch, _partition, _offset FROM ${suspected} WHERE NOT _known)`)
  await duck.run(
    sql`INSERT INTO dropped SELECT _row_id FROM ${suspected} SEMI JOIN seen USING (_epoch, _partition, _offset) WHERE NOT _known`,
  )
  const unseen = sql`(SELECT * FROM ${suspected} WHERE _known OR _row_id NOT IN (SELECT _row_id FROM dropped))`
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE tricky AS
    SELECT DISTINCT ${key} FROM (${inWindow(order.byKey, unseen, follows)}) WHERE NOT coalesce(_plain, false)`)
  return found
}

/** What ends live rows, and no row of its own: a truncate, or a tombstone that stands alone. Where the row is gone by then it has no part, however the changes were cut. */
async function dropIdle(duck: Duck, { key, byKey }: KeyOrder): Promise<void> {
  const endings = await duck.row(sql`SELECT 1 FROM changes WHERE _op = 't' OR (_op = 'd' AND _file IS NULL) LIMIT 1`)
  if (!endings) return
  await duck.run(sql`INSERT INTO dropped
    SELECT _row_id FROM (SELECT _row_id, _op, _file, lag(_op) OVER (${byKey}) AS _before_op
      FROM (SELECT * FROM events ANTI JOIN tricky USING (${columns(key)}) WHERE _known OR _row_id NOT IN (SELECT _row_id FROM dropped)))
    WHERE (_op = 't' OR (_op = 'd' AND _file = '')) AND _row_id IS NOT NULL AND coalesce(_before_op IN ('d', 't'), true)`)
}

/** `_valid_from` never runs backwards within a key, whatever the clocks did (cdc-spec §2.4, Gold). */
function appliedChanges({ key, clockInOrder, place, several }: KeyOrder): Sql {
  const turn = several ? sql`JOIN (SELECT _row_id, _at FROM events WHERE NOT _known) USING (_row_id)` : sql``
  const kept = sql`SELECT * FROM changes ${turn} WHERE NOT _bad AND _row_id NOT IN (SELECT _row_id FROM dropped)`
  const newest = sql`SELECT arg_max(_row_id, ${place()}) FROM (${kept}) ANTI JOIN tricky USING (${columns(key)}) GROUP BY ${columns(key)} UNION ALL SELECT _row_id FROM decided`
  const latestSoFar = clockInOrder
    ? sql`changes._source_ts`
    : sql`max(changes._source_ts) OVER (PARTITION BY ${columns(key, 'changes')} ORDER BY ${several ? sql`_at` : place('changes')} ROWS UNBOUNDED PRECEDING)`
  return sql`CREATE OR REPLACE TEMP TABLE applied AS
    SELECT changes.* EXCLUDE (_row_id, _bad${several ? sql`, _at` : sql``}), changes._row_id IN (${newest}) AS _winner, greatest(state._valid_from, ${latestSoFar}) AS _valid_from
    FROM (${kept}) AS changes LEFT JOIN state USING (${columns(key)})`
}

function columns(names: readonly string[], table?: string): Sql {
  return join(names.map(name => (table ? id(table, name) : id(name))))
}
