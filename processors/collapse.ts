// Collapse: of all changes of a key, which apply and which is the newest (cdc-spec §2.4). Set-based for keys plainly in order,
// row by row through `decide` for the few others.
// Guarantee: the same result as `decide` over every key's events in Kafka order.
import type { Duck } from '../lake/duckdb.ts'
import { id, join, type Sql, sql } from '../lake/sql.ts'
import { decide, identity, type KeyEvent } from './decide.ts'

/** Events that only a person can judge: this table stops, its bronze and the other tables go on. */
export class TableHalted extends Error {
  readonly code = 'TABLE_HALTED'
  readonly retryable = false
}

/** What `collapse` found, for the log and for tests. */
export interface Collapsed {
  /** Changes that do not apply: sent twice, or older than what the key has. */
  dropped: number
  /** Keys whose events went through `decide`. */
  decided: number
}

/**
 * Reads temp tables `changes` and `state` (what silver and its markers hold of the same keys); `key` names the key columns of both.
 * Makes temp table `applied`: the changes that apply, with `_valid_from` and `_winner` (true: the newest of its key).
 * @throws TableHalted when a key's events contradict what is known and no rule decides
 */
export async function collapse(duck: Duck, table: string, key: readonly string[]): Promise<Collapsed> {
  await duck.run(eventsOf(key))
  const { inOrder, clockInOrder } = await lookThrough(duck)
  const suspects = inOrder ? sql`events SEMI JOIN state USING (${columns(key)})` : sql`events`
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE tricky AS
    SELECT DISTINCT ${columns(key)} FROM (${withOrder(sql`PARTITION BY ${columns(key)} ORDER BY _known DESC, _offset`, suspects)}) WHERE _in_order IS NOT TRUE`)
  const decided = await decideTricky(duck, table, key)
  await dropIdleTruncates(duck, key)
  await duck.run(appliedChanges(key, { clockInOrder }))
  const counts = await duck.row<{ dropped: bigint }>(sql`SELECT count(*) AS dropped FROM dropped`)
  return { dropped: Number(counts?.dropped ?? 0), decided }
}

/** Temp table `events`: the positions of all changes and, as `_known`, of the state; file suffixes as numbers, few texts split once. */
function eventsOf(key: readonly string[]): Sql {
  const position = sql`${columns(key)}, _partition, _offset, _op, _source_ts, _file, _pos, coalesce(_row, 0) AS _row, coalesce(_tx_order, 0) AS _tx_order, _gtid, _snapshot`
  return sql`CREATE OR REPLACE TEMP TABLE events AS
    WITH all_events AS (
      SELECT _row_id, false AS _known, ${position} FROM changes WHERE NOT _bad
      UNION ALL SELECT NULL, true, ${position} FROM state
    ),
    binlogs AS (
      SELECT _file, regexp_extract(_file, '^(.*)\\.(\\d+)$', 1) AS _base, TRY_CAST(regexp_extract(_file, '^(.*)\\.(\\d+)$', 2) AS BIGINT) AS _number
      FROM (SELECT DISTINCT _file FROM all_events)
    )
    SELECT *, ${origin} AS _origin, TRY_CAST(regexp_extract(_gtid, '(\\d+)$', 1) AS BIGINT) AS _sequence FROM all_events JOIN binlogs USING (_file)`
}

/** What makes GTID numbers comparable: MySQL's `uuid` or `uuid:tag`, MariaDB's domain. */
const origin = sql`CASE
    WHEN split_part(_gtid, ':', 3) <> '' THEN split_part(_gtid, ':', 1) || ':' || split_part(_gtid, ':', 2)
    WHEN contains(_gtid, ':') THEN split_part(_gtid, ':', 1)
    ELSE split_part(_gtid, '-', 1)
  END`

/**
 * Whether each partition's changes stand in growing source order, of one server and one binlog name: then every key's do.
 * And whether their times do.
 */
async function lookThrough(duck: Duck): Promise<{ inOrder: boolean; clockInOrder: boolean }> {
  const found = await duck.row<{ in_order: boolean; clock_in_order: boolean }>(sql`
    SELECT coalesce(bool_and(coalesce(_in_order, false)), true) AS in_order,
      coalesce(bool_and(coalesce(_source_ts >= _before_source_ts, _nth = 1)), true) AS clock_in_order
    FROM (${withOrder(sql`PARTITION BY _partition ORDER BY _offset`, sql`events WHERE NOT _known`)})`)
  return { inOrder: found!.in_order, clockInOrder: found!.clock_in_order }
}

/** Adds `_in_order`: whether an event plainly follows the one before it in the window. A snapshot's row number says nothing. */
function withOrder(window: Sql, from: Sql): Sql {
  const position = ['_base', '_origin', '_sequence', '_number', '_pos', '_row', '_tx_order', '_op', '_partition', '_source_ts']
  const previous = position.map(name => sql`lag(${id(name)}) OVER w AS ${id(`_before${name}`)}`)
  return sql`SELECT *, _nth = 1 OR (
      _base = _before_base AND _partition = _before_partition AND coalesce(_origin = _before_origin, true)
      AND coalesce((_before_sequence, _before_tx_order) <= (_sequence, _tx_order) OR _before_sequence < _sequence, true)
      AND CASE WHEN _op IN ('r', 't') OR _before_op IN ('r', 't')
        THEN (_before_number, _before_pos) <= (_number, _pos)
        ELSE (_before_number, _before_pos, _before_row, _before_tx_order) < (_number, _pos, _row, _tx_order)
      END
    ) AS _in_order
    FROM (SELECT *, row_number() OVER w AS _nth, ${join(previous)} FROM ${from} WINDOW w AS (${window}))`
}

/** Runs `decide` over the tricky keys. Makes temp tables `dropped` (their changes that do not apply) and `decided` (their newest). */
async function decideTricky(duck: Duck, table: string, key: readonly string[]): Promise<number> {
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE dropped (_row_id BIGINT)`)
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE decided (_row_id BIGINT)`)
  const rows = await duck.rows<EventRow>(sql`
    SELECT dense_rank() OVER (ORDER BY ${columns(key)}) AS _key_number, _row_id, _partition, _offset, _op, _file, _pos, _row, _gtid,
      _tx_order, epoch_us(_source_ts) AS _source_us, _snapshot
    FROM events SEMI JOIN tricky USING (${columns(key)})
    ORDER BY _key_number, _known DESC, _offset, _partition`)
  const dropped: bigint[] = []
  const winners: bigint[] = []
  const byKey = Map.groupBy(rows, row => row._key_number)
  for (const events of byKey.values()) {
    const result = decideKey(table, events)
    dropped.push(...result.dropped)
    if (result.winner !== undefined) winners.push(result.winner)
  }
  await insertIds(duck, 'dropped', dropped)
  await insertIds(duck, 'decided', winners)
  return byKey.size
}

/** A truncate ends live rows; of keys in order, one whose row is gone by then has no part in it, however the changes were cut into steps. */
async function dropIdleTruncates(duck: Duck, key: readonly string[]): Promise<void> {
  const truncates = await duck.row(sql`SELECT 1 FROM changes WHERE _op = 't' LIMIT 1`)
  if (!truncates) return
  await duck.run(sql`INSERT INTO dropped
    SELECT _row_id FROM (SELECT _row_id, _op, lag(_op) OVER (PARTITION BY ${columns(key)} ORDER BY _known DESC, _offset) AS _before_op
      FROM events ANTI JOIN tricky USING (${columns(key)}))
    WHERE _op = 't' AND _row_id IS NOT NULL AND coalesce(_before_op IN ('d', 't'), true)`)
}

interface EventRow {
  _key_number: bigint
  /** Null for the state. */
  _row_id: bigint | null
  _partition: number
  _offset: bigint
  _op: string
  _file: string | null
  _pos: bigint | null
  _row: number
  _gtid: string | null
  _tx_order: bigint
  _source_us: bigint
  _snapshot: string | null
}

function decideKey(table: string, rows: readonly EventRow[]): { dropped: bigint[]; winner: bigint | undefined } {
  const dropped: bigint[] = []
  const seen = new Set<string>()
  let current: KeyEvent | undefined
  let winner: bigint | undefined
  for (const row of rows) {
    const event = keyEvent(row)
    const idle = event.op === 't' && (current === undefined || current.op === 'd' || current.op === 't')
    const verdict = row._row_id === null ? 'APPLY' : idle ? 'DUP' : decide(event, current, seen)
    if (verdict === 'HALT') {
      throw new TableHalted(
        `${table}: the event at partition ${row._partition}, offset ${row._offset} stands lower in the binlog (${row._file}:${row._pos}) than what its key ` +
          "already has, but is newer by the clock: was the binlog reset or the server restored? Nothing of it is guessed: move the table's folders in " +
          'bronze and silver aside, and let the connector take a new snapshot into a new topic',
      )
    }
    seen.add(identity(event))
    if (verdict === 'APPLY') {
      current = event
      winner = row._row_id ?? winner
    } else dropped.push(row._row_id!)
  }
  return { dropped, winner }
}

function keyEvent(row: EventRow): KeyEvent {
  return {
    op: row._op,
    file: row._file,
    pos: row._pos,
    row: row._row,
    gtid: row._gtid,
    // 0 stands for «not reported»: Debezium counts from 1.
    txOrder: row._tx_order === 0n ? null : row._tx_order,
    partition: row._partition,
    offset: row._offset,
    sourceTs: row._source_us,
    snapshot: row._snapshot,
  }
}

async function insertIds(duck: Duck, table: string, ids: readonly bigint[]): Promise<void> {
  const chunk = 10_000
  for (let at = 0; at < ids.length; at += chunk)
    await duck.run(sql`INSERT INTO ${id(table)} SELECT unnest(${ids.slice(at, at + chunk)})`)
}

/** `_valid_from` never runs backwards within a key, whatever the clocks did (cdc-spec §2.4, Gold). */
function appliedChanges(key: readonly string[], { clockInOrder }: { clockInOrder: boolean }): Sql {
  const kept = sql`SELECT * FROM changes WHERE NOT _bad AND _row_id NOT IN (SELECT _row_id FROM dropped)`
  const newest = sql`SELECT arg_max(_row_id, _offset) FROM (${kept}) ANTI JOIN tricky USING (${columns(key)}) GROUP BY ${columns(key)} UNION ALL SELECT _row_id FROM decided`
  const latestSoFar = clockInOrder
    ? sql`changes._source_ts`
    : sql`max(changes._source_ts) OVER (PARTITION BY ${columns(key, 'changes')} ORDER BY changes._offset ROWS UNBOUNDED PRECEDING)`
  return sql`CREATE OR REPLACE TEMP TABLE applied AS
    SELECT changes.* EXCLUDE (_row_id, _bad), changes._row_id IN (${newest}) AS _winner, greatest(state._valid_from, ${latestSoFar}) AS _valid_from
    FROM (${kept}) AS changes LEFT JOIN state USING (${columns(key)})`
}

function columns(names: readonly string[], table?: string): Sql {
  return join(names.map(name => (table ? id(table, name) : id(name))))
}
