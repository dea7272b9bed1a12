// The order of each key's events, as SQL over temp table `events`: what plainly follows, and what `decide` would let follow.
// Guarantee: whatever is not sure to be `decide`'s APPLY is not plain.
import type { Duck } from '../../lake/duckdb.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'

/** What the events at hand ask for. */
export interface KeyOrder {
  key: readonly string[]
  /** The topic has several partitions: a key may be in more than one, and then the order of arrival counts. */
  several: boolean
  /** Every partition's changes stand in growing source order, so every key's do. */
  inOrder: boolean
  /** Their times do too. */
  clockInOrder: boolean
  /** Every event must be looked up in bronze: positions alone do not tell what was sent before. */
  all: boolean
  /** What plainly follows, within a key. */
  plain: Rule
  /** A change's place in its partition, out of the columns of a relation. */
  place: (relation?: string) => Sql
  /** The window of a key: its state, then its changes in the order in which Kafka brought them. */
  byKey: Sql
}

export interface EventsOptions {
  /** See CollapseOptions. */
  arrivals?: Sql | undefined
  truncates?: Sql | undefined
  unordered?: boolean | undefined
}

/**
 * Temp table `events`: the positions of all changes and, as `_known`, of the state; file suffixes as numbers, few texts split once. `_at` is a change's
 * turn, if the topic has several partitions: 0 is the state's, then come truncates known before.
 */
export function eventsOf(key: readonly string[], { arrivals, truncates, unordered }: EventsOptions): Sql {
  const position = sql`${columns(key)}, _partition, _offset, _op, _source_ts, coalesce(_file, '') AS _file, _pos, coalesce(_row, 0) AS _row,
    coalesce(_tx_order, 0) AS _tx_order, _gtid, _snapshot, coalesce(_epoch, 0) AS _epoch, coalesce(_lineage, 0) AS _lineage`
  const turn = arrivals ? sql`row_number() OVER (ORDER BY _epoch, _arrived, _partition, _offset) + 1000000` : sql`NULL::BIGINT`
  const changes = arrivals
    ? sql`(SELECT * FROM changes JOIN ${arrivals} USING (_epoch, _partition, _offset) WHERE NOT _bad)`
    : sql`changes WHERE NOT _bad`
  const before = truncates
    ? sql`UNION ALL SELECT NULL, true, ${position}, _nth FROM (SELECT DISTINCT ${columns(key)} FROM changes WHERE NOT _bad), ${truncates}`
    : sql``
  return sql`CREATE OR REPLACE TEMP TABLE events AS
    WITH all_events AS (
      SELECT _row_id, false AS _known, ${position}, ${turn} AS _at FROM ${changes}
      UNION ALL SELECT NULL, true, ${position}, 0 FROM state
      ${before}
    ),
    binlogs AS (
      SELECT _file, regexp_extract(_file, ${filePattern}, 1) AS _base, TRY_CAST(regexp_extract(_file, ${filePattern}, 2) AS BIGINT) AS _number
      FROM (SELECT DISTINCT _file FROM all_events)
    )
    SELECT *, ${unordered ? sql`NULL::VARCHAR` : origin} AS _origin, ${unordered ? sql`NULL::BIGINT` : sequence} AS _sequence FROM all_events JOIN binlogs USING (_file)`
}

const filePattern = '^(.*)\\.(\\d{1,18})$'

/** What makes GTID numbers comparable: MySQL's `uuid` or `uuid:tag`, MariaDB's domain. */
const origin = sql`CASE
    WHEN split_part(_gtid, ':', 3) <> '' THEN split_part(_gtid, ':', 1) || ':' || split_part(_gtid, ':', 2)
    WHEN contains(_gtid, ':') THEN split_part(_gtid, ':', 1)
    ELSE split_part(_gtid, '-', 1)
  END`

/** What stands last in a GTID; three times faster than by a pattern. */
const sequence = sql`TRY_CAST(CASE WHEN contains(_gtid, ':') THEN split_part(_gtid, ':', -1) ELSE split_part(_gtid, '-', -1) END AS BIGINT)`

/** Looks through the changes once. */
export async function orderOf(duck: Duck, key: readonly string[], { several }: { several: boolean }): Promise<KeyOrder> {
  const found = await duck.row<
    Record<'in_order' | 'clock_in_order' | 'tied' | 'doubtful', boolean> & Record<'epochs' | 'lineages', number>
  >(sql`
    SELECT coalesce(bool_and(coalesce(_plain, false)), true) AS in_order,
      coalesce(bool_and(coalesce(_source_ts >= _before_source_ts, _nth = 1)), true) AS clock_in_order,
      coalesce(bool_or(_op = 'r' AND _before_op = 'r' AND _before_pos = _pos), false) AS tied,
      coalesce(bool_or(_sequence IS NULL AND (_lineage > 0 OR _gtid IS NOT NULL)), false) AS doubtful,
      coalesce(max(_epoch) - min(_epoch), 0) AS epochs, coalesce(max(_lineage) - min(_lineage), 0) AS lineages
    FROM (${inWindow(sql`PARTITION BY _partition ORDER BY _epoch, _offset`, sql`events WHERE NOT _known`, plainOrTied)})`)
  const { in_order, clock_in_order, tied, doubtful, epochs, lineages } = found!
  const logs = await duck.row<{ one: boolean }>(
    sql`SELECT coalesce(max(_epoch) = min(_epoch) AND max(_lineage) = min(_lineage), true) AS one FROM events`,
  )
  // A snapshot's rows share one position: in order, if each key is there once.
  const twice =
    in_order && tied
      ? await duck.row(
          sql`SELECT 1 FROM events WHERE _op = 'r' AND NOT _known GROUP BY ${columns(key)} HAVING count(*) > 1 LIMIT 1`,
        )
      : undefined
  // What is in order within each partition says nothing of a key that is in two.
  const spread =
    in_order && several
      ? await duck.row(
          sql`SELECT 1 FROM events WHERE NOT _known GROUP BY ${columns(key)} HAVING min(_partition) <> max(_partition) LIMIT 1`,
        )
      : undefined
  const place = (relation?: string) => {
    const [epoch, offset] = ['_epoch', '_offset'].map(name => (relation ? id(relation, name) : id(name)))
    return epochs === 0 ? offset! : placeOf(epoch!, offset!)
  }
  return {
    key,
    several,
    inOrder: in_order && !twice && !spread && epochs === 0 && lineages === 0,
    clockInOrder: clock_in_order && !several,
    all: doubtful,
    plain: plain({ oneLog: logs!.one }),
    place,
    byKey: sql`PARTITION BY ${columns(key)} ORDER BY ${several ? sql`_at` : sql`_known DESC, ${place()}`}`,
  }
}

/** One number that grows within a partition, through all epochs; Kafka's offsets stay far below 2^40. */
export function placeOf(epoch: Sql, offset: Sql): Sql {
  return sql`(${epoch}::BIGINT * 1099511627776 + ${offset})`
}

/** Whether one event follows another, and what of the one before is looked at. */
export interface Rule {
  follows: Sql
  before: readonly string[]
}

const position = ['_base', '_origin', '_sequence', '_number', '_pos', '_row', '_tx_order', '_op', '_partition', '_source_ts']

/** Adds `_plain`, by a rule over an event and the one before it in the window; NULL is no. */
export function inWindow(window: Sql, from: Sql, rule: Rule): Sql {
  const before = rule.before.map(name => sql`lag(${id(name)}) OVER w AS ${id(`_before${name}`)}`)
  return sql`SELECT *, _nth = 1 OR (${rule.follows}) AS _plain
    FROM (SELECT *, row_number() OVER w AS _nth, ${join(before)} FROM ${from} WINDOW w AS (${window}))`
}

const rowless = sql`(_op IN ('r', 't') OR _before_op IN ('r', 't'))`

/** Of one server's log and of one binlog name, in one partition, strictly after: nothing that was sent before can look so. `rows`: the row number may be all that grows. */
function strictly(tied: Sql, rows: Sql): Sql {
  return sql`_base = _before_base AND _partition = _before_partition AND coalesce(_origin = _before_origin, true)
    AND coalesce((_before_sequence, _before_tx_order) <= (_sequence, _tx_order) OR _before_sequence < _sequence, true)
    AND CASE WHEN ${rowless}
      THEN (_before_number, _before_pos) < (_number, _pos) OR ((_before_number, _before_pos) = (_number, _pos) AND ${tied})
      ELSE (_before_number, _before_pos, _before_row, _before_tx_order) < (_number, _pos, _row, _tx_order) AND ${rows}
    END`
}

/** Within a partition. */
const plainOrTied: Rule = {
  follows: strictly(sql`_op = 'r' AND _before_op = 'r' AND _before_source_ts <= _source_ts`, sql`true`),
  before: position,
}

/** A key's events at one place may be of a compressed transaction, which counts rows anew for each of its events. */
const beyondRows = sql`((_before_number, _before_pos) < (_number, _pos) OR _before_tx_order < _tx_order)`

/** Within a key. The row number of a snapshot's event says nothing; its time tells two snapshots at one position apart. */
function plain({ oneLog }: { oneLog: boolean }): Rule {
  const same = oneLog ? sql`` : sql`AND _epoch = _before_epoch AND _lineage = _before_lineage`
  return {
    follows: sql`${strictly(sql`_before_source_ts < _source_ts`, beyondRows)} AND _offset > _before_offset ${same}`,
    before: [...position, '_offset', ...(oneLog ? [] : ['_epoch', '_lineage'])],
  }
}

/** At one place the row is not asked, see `beyondRows`. */
const withinFile = sql`coalesce(_pos >= _before_pos, true)`

/** Of events that were not sent before: whether `decide` applies one after the other. As `compareSource`, in one partition. */
export const follows: Rule = {
  before: [...position, '_offset', '_epoch', '_lineage', '_file'],
  follows: sql`CASE
    WHEN _epoch <> _before_epoch THEN _epoch > _before_epoch
    WHEN _partition <> _before_partition OR _offset <= _before_offset THEN false
    WHEN _sequence IS NOT NULL AND _before_sequence IS NOT NULL THEN CASE
      WHEN _origin <> _before_origin THEN true
      WHEN _sequence <> _before_sequence THEN _sequence > _before_sequence
      WHEN _tx_order > 0 AND _before_tx_order > 0 THEN _tx_order >= _before_tx_order
      WHEN _file <> _before_file THEN true
      ELSE ${withinFile}
    END
    WHEN _number IS NULL OR _before_number IS NULL OR _lineage <> _before_lineage OR _base <> _before_base THEN true
    WHEN _number <> _before_number THEN _number > _before_number
    ELSE ${withinFile}
  END`,
}

function columns(names: readonly string[]): Sql {
  return join(names.map(name => id(name)))
}
