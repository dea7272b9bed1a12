// Which events were sent before: looked up in bronze, which is the index, by what identifies an event of a source (cdc-spec §3).
// Guarantee: the set-based form of `sentBefore` (decide.ts), exact over all of bronze; files whose times lie elsewhere are not read.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { prune } from '../../lake/prune.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import type { TableName } from '../source-schema.ts'
import { unwrapped } from '../stage.ts'
import { sameEventMicros } from './decide.ts'
import { eventRows } from './event-rows.ts'

/** What is read of an event to know it again, as event-rows.ts gives it. */
export const identityColumns = [
  '_epoch',
  '_partition',
  '_offset',
  '_ingested_at',
  '_op',
  '_source_ts',
  '_file',
  '_pos',
  '_row',
  '_gtid',
  '_tx_order',
  '_key',
  '_content',
]

/** Looked at only where the others leave a doubt: it takes the whole value. */
const plainColumns = identityColumns.filter(name => name !== '_content')

/** Bronze rows that may be the same as some of `events` (a query with `_source_ts`). */
export async function earlierRows(
  at: { duck: Duck; lake: Lakehouse },
  table: TableName,
  { bronze, events }: { bronze: Snapshot; events: Sql },
): Promise<Sql> {
  const span = await at.duck.row<{ first: string | null; last: string | null }>(sql`
    SELECT (min(_source_ts) - INTERVAL 3 SECOND)::VARCHAR AS first, (max(_source_ts) + INTERVAL 3 SECOND)::VARCHAR AS last FROM ${events}`)
  const { first, last } = span!
  const inSpan = (operator: '>=' | '<=', value: string) => ({
    column: '_source_ts',
    operator,
    values: [sql`${value}`],
    plain: true,
  })
  const files = first === null ? [] : await prune(at.duck, bronze, [[inSpan('>=', first), inSpan('<=', last!)]])
  return eventRows(at, table, { bronze, files, columns: identityColumns })
}

/**
 * Makes temp table `seen` (`_epoch, _partition, _offset`): those of `events` that `earlier` has at an earlier place. Both are parenthesised queries with
 * `identityColumns`. Of `reused` events only the ids were met before, at another time: their numbers have been used again.
 */
export async function findSeen(duck: Duck, { events, earlier }: { events: Sql; earlier: Sql }): Promise<{ reused: number }> {
  const columns = (names: readonly string[]) =>
    join(names.map(name => (name === '_key' ? sql`${unwrapped(sql`_key`)} AS _key` : id(name))))
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE looked_up AS SELECT ${columns(plainColumns)} FROM ${events}`)
  const known = (names: readonly string[]) => sql`(SELECT ${columns(names)} FROM ${earlier} WHERE _op IS NOT NULL)`
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE seen AS
    SELECT _epoch, _partition, _offset, bool_or(_same) AS _same, bool_or(_unsure) AS _unsure FROM (
      SELECT ${place}, ${together} AS _same, false AS _unsure FROM looked_up AS e JOIN ${known(plainColumns)} AS b
        ON ${both} AND e._gtid = b._gtid AND e._tx_order = b._tx_order
        WHERE ${before} AND e._op NOT IN ('r', 't')
      UNION ALL
      SELECT ${place}, ${together} AS _same, ${unsure} AS _unsure FROM looked_up AS e JOIN ${known(plainColumns)} AS b ON ${both} AND ${samePlace}
        WHERE ${before} AND CASE e._op
          WHEN 'r' THEN e._source_ts = b._source_ts
          WHEN 't' THEN e._gtid IS NOT DISTINCT FROM b._gtid
          ELSE coalesce(e._row, 0) = coalesce(b._row, 0) AND (${lacksOrder('e')} OR ${lacksOrder('b')})
        END
    ) GROUP BY ALL`)
  const found = await duck.row<{ reused: bigint; unsure: bigint }>(
    sql`SELECT count(*) FILTER (NOT _same) AS reused, count(*) FILTER (_same AND _unsure) AS unsure FROM seen`,
  )
  await duck.run(sql`DELETE FROM seen WHERE NOT _same`)
  if (found!.unsure > 0n) {
    const asked = sql`(SELECT ${columns(identityColumns)} FROM ${events} SEMI JOIN (SELECT * FROM seen WHERE _unsure) USING (_epoch, _partition, _offset))`
    await duck.run(sql`DELETE FROM seen WHERE (_epoch, _partition, _offset) IN (
      SELECT (${place}) FROM ${asked} AS e JOIN ${known(identityColumns)} AS b ON ${both} AND ${samePlace}
        WHERE ${before} AND ${together} AND ${unsure} AND coalesce(e._row, 0) = coalesce(b._row, 0)
        GROUP BY ${place} HAVING NOT ${alike})`)
  }
  await duck.run(sql`DROP TABLE looked_up`)
  return { reused: Number(found!.reused) }
}

const place = sql`e._epoch, e._partition, e._offset`
const samePlace = sql`e._file = b._file AND e._pos = b._pos`
const both = sql`e._epoch = b._epoch AND e._op = b._op AND e._key IS NOT DISTINCT FROM b._key`
const before = sql`CASE WHEN e._partition = b._partition THEN b._offset < e._offset
  ELSE (b._ingested_at, b._partition) < (e._ingested_at, e._partition) END`
const together = sql`abs(epoch_us(e._source_ts) - epoch_us(b._source_ts)) <= ${sameEventMicros}`

/** As `sentBefore` (decide.ts). Without a key, events at one place are of different rows: one that said the same is enough. */
const unsure = sql`(e._op NOT IN ('r', 't') AND ${lacksOrder('e')} AND ${lacksOrder('b')})`
const alike = sql`CASE WHEN any_value(e._key) IS NULL THEN bool_or(e._content = b._content) ELSE bool_and(e._content = b._content) END`

/** Without both, an event has no place in its transaction. */
function lacksOrder(of: string): Sql {
  return sql`(${id(of, '_gtid')} IS NULL OR ${id(of, '_tx_order')} IS NULL)`
}

/**
 * `findSeen` for places (`_epoch, _partition, _offset`) of a step's `events` (a query with `identityColumns`), against all of bronze.
 */
export async function lookUp(
  at: { duck: Duck; lake: Lakehouse },
  table: TableName,
  { bronze, events, places }: { bronze: Snapshot; events: Sql; places: Sql },
): Promise<{ reused: number }> {
  const asked = sql`(SELECT * FROM ${events} SEMI JOIN ${places} USING (_epoch, _partition, _offset) WHERE _op IS NOT NULL)`
  return findSeen(at.duck, { events: asked, earlier: await earlierRows(at, table, { bronze, events: asked }) })
}
