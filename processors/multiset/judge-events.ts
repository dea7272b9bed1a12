// Which events of a table without a key are counted: each once, however often and in whatever run the connector sent it (cdc-spec §2.3, §3).
// Guarantee: what lies plainly beyond all that came before is new; of anything else, bronze says whether it was seen.
import type { Duck } from '../../lake/duckdb.ts'
import { type Sql, sql } from '../../lake/sql.ts'
import { TableHalted } from '../collapse.ts'

export interface Judging {
  /** The table's name, for errors. */
  table: string
  /** A query for bronze rows of the step: the columns that `positions` names. */
  rows: Sql
  /** The same columns of all that bronze holds; asked for only when an event is not plainly new. */
  all: () => Promise<Sql>
}

/** Bronze columns that tell where an event stands. */
export const positions = [
  '_partition',
  '_offset',
  '_op',
  '_source_ts',
  '_file',
  '_pos',
  '_row',
  '_gtid',
  '_tx_order',
  '_snapshot',
]

/**
 * Reads temp table `marks` (markers that hold, for each binlog name and GTID origin, the place furthest on so far; see countCopies). Makes temp
 * table `events`: the step's events and the marks (`known`), with `kept` (counted) and `resets` (the first row of a new snapshot, or a truncate).
 * Gives how many events were left out, and how many were looked up.
 * @throws TableHalted when an event that was never seen lies before what was, but is newer by the clock
 */
export async function judgeEvents(duck: Duck, { table, rows, all }: Judging): Promise<{ dropped: number; decided: number }> {
  await duck.run(placed(rows))
  await duck.run(
    sql`CREATE OR REPLACE TEMP TABLE suspects AS SELECT * FROM events WHERE NOT known AND (behind_file IS NOT FALSE OR behind_gtid IS NOT FALSE)`,
  )
  const { n } = (await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM suspects`))!
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE seen (_partition INTEGER, _offset BIGINT)`)
  if (n > 0n) await duck.run(sql`INSERT INTO seen ${earlier(await all())}`)
  await refuseReset(duck, table)
  await duck.run(sql`ALTER TABLE events ADD COLUMN kept BOOLEAN`)
  await duck.run(sql`UPDATE events SET kept = NOT known AND (_partition, _offset) NOT IN (
    FROM seen UNION ALL SELECT _partition, _offset FROM suspects WHERE ${stale})`)
  await duck.run(sql`ALTER TABLE events ADD COLUMN resets BOOLEAN DEFAULT false`)
  await duck.run(sql`UPDATE events SET resets = true WHERE kept AND _op = 't'`)
  await duck.run(sql`UPDATE events SET resets = true WHERE NOT known AND (_partition, _offset) IN (SELECT (_partition, _offset) FROM (
      SELECT known, _partition, _offset, (_file, _pos, _source_ts) IS DISTINCT FROM lag((_file, _pos, _source_ts)) OVER (ORDER BY known DESC, _offset) AS begins
      FROM events WHERE (kept AND _op = 'r') OR mark = ${snapshotMark})
    WHERE begins AND NOT known)`)
  const counts = await duck.row<{ dropped: bigint }>(sql`SELECT count(*) FILTER (NOT known AND NOT kept) AS dropped FROM events`)
  return { dropped: Number(counts!.dropped), decided: Number(n) }
}

/** The mark of the snapshot whose rows were counted last. */
export const snapshotMark = '~snapshot'

/**
 * An event's place in its binlog as one comparable value; all rows of a snapshot share one. A truncate and a snapshot stand before the rows of
 * their position, whatever `row` was left over from. A mark has its place in `_row` and `_tx_order`.
 */
const place = sql`CASE
    WHEN known THEN {n: _number, p: _pos, r: _row, t: _tx_order}
    WHEN _op = 'r' THEN {n: _number, p: _pos, r: -1, t: epoch_us(_source_ts)}
    WHEN _op = 't' THEN {n: _number, p: _pos, r: -2, t: 0}
    ELSE {n: _number, p: _pos, r: coalesce(_row, 0), t: coalesce(_tx_order, 0)}
  END`

/** What makes GTID numbers comparable: MySQL's `uuid` or `uuid:tag`, MariaDB's domain. */
const origin = sql`CASE
    WHEN split_part(_gtid, ':', 3) <> '' THEN split_part(_gtid, ':', 1) || ':' || split_part(_gtid, ':', 2)
    WHEN contains(_gtid, ':') THEN split_part(_gtid, ':', 1)
    ELSE split_part(_gtid, '-', 1)
  END`

function placed(rows: Sql): Sql {
  // A snapshot's rows carry the GTID that the stream was at, if any: it is not theirs.
  return sql`CREATE OR REPLACE TEMP TABLE events AS
    WITH read AS (
      SELECT false AS known, NULL::VARCHAR AS mark, * REPLACE (CASE WHEN _op <> 'r' THEN _gtid END AS _gtid) FROM (${rows}) WHERE _op IS NOT NULL
      UNION ALL BY NAME SELECT true AS known, * EXCLUDE (_path, _valid_from), NULL::VARCHAR AS _snapshot FROM marks
    ),
    binlogs AS (
      SELECT _file, coalesce(nullif(regexp_extract(_file, '^(.*)\\.(\\d+)$', 1), ''), _file) AS base, TRY_CAST(regexp_extract(_file, '^(.*)\\.(\\d+)$', 2) AS BIGINT) AS _number
      FROM (SELECT DISTINCT _file FROM read)
    ),
    places AS (
      SELECT *, ${place} AS place, CASE WHEN known AND mark NOT LIKE '~gtid %' THEN NULL ELSE ${origin} END AS origin,
        CASE WHEN known AND mark NOT LIKE '~gtid %' THEN NULL ELSE {s: TRY_CAST(regexp_extract(_gtid, '(\\d+)$', 1) AS BIGINT), t: coalesce(_tx_order, 0)} END AS turn
      FROM read JOIN binlogs USING (_file)
    ),
    highs AS (
      SELECT *, max(CASE WHEN mark IS NULL OR mark LIKE '~binlog %' THEN place END) OVER (PARTITION BY base ORDER BY known DESC, _offset ${before}) AS high,
        max(turn) OVER (PARTITION BY origin ORDER BY known DESC, _offset ${before}) AS high_turn,
        max(_source_ts) OVER (ORDER BY known DESC, _offset ${before}) AS latest
      FROM places
    )
    SELECT * EXCLUDE (high, high_turn), CASE WHEN high IS NULL THEN false WHEN _op = 'r' THEN place < high ELSE place <= high END AS behind_file,
      CASE WHEN turn.s IS NULL OR high_turn IS NULL THEN false WHEN turn.s = high_turn.s AND turn.t = 0 THEN false ELSE turn <= high_turn END AS behind_gtid
    FROM highs`
}

const before = sql`ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING`

/** Suspects that bronze holds at an earlier offset: the same operation at the same place in a transaction or in the binlog, of one time. */
function earlier(all: Sql): Sql {
  const same = sql`bronze._op = suspects._op AND bronze._partition = suspects._partition AND bronze._offset < suspects._offset
    AND abs(epoch_us(bronze._source_ts) - epoch_us(suspects._source_ts)) <= 2000000`
  return sql`WITH bronze AS MATERIALIZED (SELECT * FROM (${all}) WHERE _offset < (SELECT max(_offset) FROM suspects))
    SELECT DISTINCT suspects._partition, suspects._offset FROM bronze JOIN suspects ON bronze._gtid = suspects._gtid AND bronze._tx_order = suspects._tx_order AND ${same}
      WHERE suspects._op NOT IN ('r', 't')
    UNION SELECT suspects._partition, suspects._offset FROM bronze JOIN suspects ON bronze._file = suspects._file AND bronze._pos = suspects._pos AND ${same}
      WHERE CASE suspects._op WHEN 'r' THEN bronze._source_ts = suspects._source_ts WHEN 't' THEN true ELSE coalesce(bronze._row, 0) = coalesce(suspects._row, 0)
        AND coalesce(bronze._gtid = suspects._gtid AND bronze._tx_order = suspects._tx_order, true) END`
}

/** Never seen, and yet before what was seen by every number there is: older than what silver reflects. */
const stale = sql`behind_file AND (turn.s IS NULL OR behind_gtid)`

async function refuseReset(duck: Duck, table: string): Promise<void> {
  const reset = await duck.row<{ _partition: number; _offset: bigint; _file: string; _pos: bigint }>(sql`
    SELECT _partition, _offset, _file, _pos FROM suspects ANTI JOIN seen USING (_partition, _offset)
    WHERE ${stale} AND _source_ts > latest + INTERVAL 60 SECOND ORDER BY _offset LIMIT 1`)
  if (!reset) return
  throw new TableHalted(
    `${table}: the event at partition ${reset._partition}, offset ${reset._offset} stands lower in the binlog (${reset._file}:${reset._pos}) than what ` +
      'was counted before, but is newer by the clock: was the binlog reset or the server restored?',
  )
}
