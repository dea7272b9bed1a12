// Which events of a table without a key are counted: each once, however often and in whatever run the connector sent it (cdc-spec §2.3, §3).
// Guarantee: what lies plainly beyond all that came before is new; of anything else, bronze says whether it was seen.
import type { Duck } from '../../lake/duckdb.ts'
import { type Sql, sql } from '../../lake/sql.ts'
import type { Collapsed } from '../order/collapse.ts'
import { numberingResetMicros } from '../order/decide.ts'
import { findSeen, identityColumns } from '../order/identity.ts'
import { TableHalted } from '../order/table-halted.ts'
import { bronzeColumnsRead } from '../own-columns.ts'

/** Columns of the bronze rows that are judged. */
export const judgedColumns: readonly string[] = [...new Set([...bronzeColumnsRead.slice(1), ...identityColumns])]

export interface Judging {
  /** The table's name, for errors. */
  table: string
  /** A parenthesised query for the step's bronze rows: `judgedColumns`. */
  rows: Sql
  /** Bronze rows that may be the same as some of these; asked for only when an event is not plainly new. */
  earlier: (events: Sql) => Promise<Sql>
  /** The numbers of GTIDs do not tell the order of transactions: of every event bronze says whether it was seen. */
  unordered?: boolean | undefined
}

/**
 * Reads temp table `marks` (read-copies.ts): the places furthest on before. Makes temp table `events`: the step's events and the marks (`known`), in Kafka's
 * order (`nth`), with `kept` (counted) and `resets` (a truncate, or the first row of a new snapshot). Gives how many were left out, and looked up.
 * @throws TableHalted when an event that was never seen lies before what was, but is newer by the clock
 */
export async function judgeEvents(duck: Duck, { table, rows, earlier, unordered = false }: Judging): Promise<Collapsed> {
  await duck.run(placed(rows, unordered))
  const suspects = sql`(FROM events WHERE NOT known AND (behind_file OR behind_gtid OR ${unordered}))`
  const { n } = (await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM ${suspects}`))!
  let reused = 0
  if (n > 0n) {
    ;({ reused } = await findSeen(duck, { events: suspects, earlier: await earlier(suspects) }))
    await refuseReset(duck, table)
  } else await duck.run(sql`CREATE OR REPLACE TEMP TABLE seen (_epoch INTEGER, _partition INTEGER, _offset BIGINT)`)
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE events AS
    WITH kept AS (
      SELECT events.*, NOT known AND NOT (${stale}) AND seen._offset IS NULL AND NOT (${again}) AS kept FROM events LEFT JOIN seen USING (_epoch, _partition, _offset)
    ),
    looks AS (
      SELECT nth, (_file, _pos, _source_ts) IS DISTINCT FROM lag((_file, _pos, _source_ts)) OVER (ORDER BY nth) AS begins
      FROM kept WHERE (kept AND _op = 'r') OR mark = ${snapshotMark}
    )
    SELECT kept.*, kept AND (_op = 't' OR coalesce(begins, false)) AS resets FROM kept LEFT JOIN looks USING (nth)`)
  const counts = await duck.row<{ dropped: bigint }>(sql`SELECT count(*) FILTER (NOT known AND NOT kept) AS dropped FROM events`)
  return { dropped: Number(counts!.dropped), decided: Number(n), ...(reused ? { reused } : {}) }
}

/** An incremental snapshot's rows say what is there, not what came. */
const again = sql`coalesce(_op = 'r' AND _snapshot = 'incremental', false)`

/** The mark of the snapshot whose rows were counted last. */
export const snapshotMark = '~snapshot'

/**
 * An event's place in its binlog as one comparable value; all rows of a snapshot share one. A truncate and a snapshot stand before the rows of
 * their position, whatever `row` was left over from. A mark has its place in `_row` and `_tx_order`.
 */
const place = sql`CASE
    WHEN known THEN {n: number, p: _pos, r: _row, t: _tx_order}
    WHEN _op = 'r' THEN {n: number, p: _pos, r: -1, t: epoch_us(_source_ts)}
    WHEN _op = 't' THEN {n: number, p: _pos, r: -2, t: 0}
    ELSE {n: number, p: _pos, r: coalesce(_row, 0), t: coalesce(_tx_order, 0)}
  END`

/** What makes GTID numbers comparable: MySQL's `uuid` or `uuid:tag`, MariaDB's domain. A snapshot's rows carry one that is not theirs. */
const origin = sql`CASE
    WHEN _op = 'r' OR (known AND mark NOT LIKE '~gtid %') THEN NULL
    WHEN split_part(_gtid, ':', 3) <> '' THEN split_part(_gtid, ':', 1) || ':' || split_part(_gtid, ':', 2)
    WHEN contains(_gtid, ':') THEN split_part(_gtid, ':', 1)
    ELSE split_part(_gtid, '-', 1)
  END`

function placed(rows: Sql, unordered: boolean): Sql {
  return sql`CREATE OR REPLACE TEMP TABLE events AS
    WITH read AS (
      SELECT false AS known, NULL::VARCHAR AS mark, * FROM ${rows} WHERE _op IS NOT NULL
      UNION ALL BY NAME SELECT true AS known, * EXCLUDE (_path, _valid_from) FROM marks
    ),
    binlogs AS (
      SELECT _file, coalesce(nullif(regexp_extract(_file, ${suffixed}, 1), ''), _file) AS base, coalesce(TRY_CAST(regexp_extract(_file, ${suffixed}, 2) AS BIGINT), 0) AS number
      FROM (SELECT DISTINCT _file FROM read)
    ),
    places AS (
      SELECT *, row_number() OVER (ORDER BY known DESC, _epoch, _offset) AS nth, ${place} AS place, ${unordered ? sql`NULL::VARCHAR` : origin} AS origin,
        {s: TRY_CAST(regexp_extract(_gtid, '(\\d+)$', 1) AS BIGINT), t: coalesce(_tx_order, 0)} AS turn
      FROM read JOIN binlogs USING (_file)
    ),
    highs AS (
      SELECT *, max(CASE WHEN mark IS NULL OR mark LIKE '~binlog %' THEN place END) OVER (PARTITION BY _epoch, _lineage, base ORDER BY nth ${before}) AS high,
        max(CASE WHEN origin IS NULL AND (mark IS NULL OR mark LIKE '~plain %') THEN place END) OVER (PARTITION BY _epoch, _lineage, base ORDER BY nth ${before}) AS high_plain,
        CASE WHEN origin IS NOT NULL THEN max(turn) OVER (PARTITION BY _epoch, origin ORDER BY nth ${before}) END AS high_turn,
        max(_source_ts) OVER (ORDER BY nth ${before}) AS latest
      FROM places
    )
    SELECT * EXCLUDE (high, high_plain, high_turn), high IS NOT NULL AS comparable,
      coalesce(_op NOT IN ('r', 't') AND place.n = high.n AND place.p = high.p, false) AS beside,
      high IS NOT NULL AND CASE WHEN _op = 'r' THEN place < high ELSE place <= high END AS behind_file,
      high_plain IS NOT NULL AND CASE WHEN _op = 'r' THEN place < high_plain ELSE place <= high_plain END AS behind_plain,
      origin IS NOT NULL AND high_turn IS NOT NULL AND NOT (turn.s = high_turn.s AND turn.t = 0) AND turn <= high_turn AS behind_gtid
    FROM highs`
}

const suffixed = '^(.*)\\.(\\d+)$'
const before = sql`ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING`

/**
 * Not plainly new, and if it was never seen either, before what was by all that compares: older than what silver reflects. A snapshot and an event
 * without GTID compare by their place in the binlog alone; two with GTIDs by these, but one that is ahead in the same binlog is ahead. At one place the row
 * says nothing: a compressed transaction counts it anew for each of its events.
 */
const stale = sql`CASE WHEN beside THEN behind_gtid
  ELSE behind_plain OR CASE WHEN comparable THEN behind_file AND (origin IS NULL OR behind_gtid) ELSE behind_gtid END END`

async function refuseReset(duck: Duck, table: string): Promise<void> {
  const reset = await duck.row<{ epoch: number; partition: number; offset: bigint; file: string; pos: bigint }>(sql`
    SELECT _epoch AS epoch, _partition AS partition, _offset AS "offset", _file AS file, _pos AS pos FROM events ANTI JOIN seen USING (_epoch, _partition, _offset)
    WHERE NOT known AND (${stale}) AND _source_ts > latest + ${numberingResetMicros} * INTERVAL 1 MICROSECOND ORDER BY nth LIMIT 1`)
  if (!reset) return
  const { epoch, partition, offset, file, pos } = reset
  throw new TableHalted(
    `${table}: the event at partition ${partition}, offset ${offset} stands lower in the binlog (${file}:${pos}) than what was counted before, but is newer by ` +
      'the clock: was the binlog reset, or the server restored? Nothing is guessed: silver waits, bronze goes on. If what comes from there on is right, type ' +
      `\`binlake resume ${table}\`, which shows first what it will do; then let Debezium take a new snapshot of the table, for it has no key (docs/keys.md)`,
    [{ epoch, partition, offset }],
  )
}
