// How far the events of a table without a key were counted: the place furthest on in each binlog, with and without GTIDs, and by each GTID's origin; the last snapshot.
// Guarantee: kept as markers in the same commit as what was counted; equal for a rebuild, because a mark is the first event at its place.
import { type Sql, sql } from '../../lake/sql.ts'
import { snapshotMark } from './judge-events.ts'

/**
 * Adds the marks that moved on to temp table `applied`, as markers: copy −1 of a hash that no row has. A mark has its place in `_row` and
 * `_tx_order`, where judge-events.ts reads it.
 */
export const furthest: Sql = sql`INSERT INTO applied BY NAME
  WITH furthest AS (
    SELECT '~binlog ' || concat_ws('/', _epoch, _lineage, base) AS _row_hash, place.r AS _row, place.t AS _tx_order, NULL AS _gtid, nth
      FROM events WHERE mark IS NULL OR mark LIKE '~binlog %' QUALIFY row_number() OVER (PARTITION BY _epoch, _lineage, base ORDER BY place DESC, nth) = 1
    UNION ALL
    SELECT '~plain ' || concat_ws('/', _epoch, _lineage, base), place.r, place.t, NULL, nth
      FROM events WHERE origin IS NULL AND (mark IS NULL OR mark LIKE '~plain %') QUALIFY row_number() OVER (PARTITION BY _epoch, _lineage, base ORDER BY place DESC, nth) = 1
    UNION ALL
    SELECT '~gtid ' || concat_ws('/', _epoch, origin), NULL, turn.t, _gtid, nth
      FROM events WHERE origin IS NOT NULL QUALIFY row_number() OVER (PARTITION BY _epoch, origin ORDER BY turn DESC, nth) = 1
    UNION ALL
    SELECT ${snapshotMark}, NULL, NULL, _gtid, nth FROM events WHERE resets AND _op = 'r' QUALIFY row_number() OVER (ORDER BY nth DESC) = 1
  )
  SELECT furthest.* EXCLUDE (nth), -1 AS _copy, 'd' AS _op, true AS _winner, events._source_ts AS _valid_from, events._source_ts,
    events._partition, events._offset, events._file, events._pos, events._epoch, events._lineage
  FROM furthest JOIN events USING (nth) WHERE NOT events.known`
