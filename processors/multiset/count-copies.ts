// A table without a key as a multiset (cdc-spec §6): an insert adds a copy of its row, a delete takes one, an update does both, a snapshot begins anew.
// Guarantee: a function of the events in Kafka's order, however they are cut into steps; a copy that is not there is never taken.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { id, join, sql } from '../../lake/sql.ts'
import type { Collapsed } from '../order/collapse.ts'
import { TableHalted } from '../order/table-halted.ts'
import { positionFields } from '../own-columns.ts'
import type { SilverTables } from '../silver-parts.ts'
import { copyKey } from './copies.ts'
import { type Judging, judgeEvents } from './judge-events.ts'
import { furthest } from './marks.ts'
import { readCopies, readMarks } from './read-copies.ts'
import { refuseUnclear } from './refuse-unclear.ts'

export interface Counting extends Judging {
  tables: SilverTables
  /** Where the silver tables' files are. */
  silver: Lakehouse
}

const key = join(copyKey.map(name => id(name)))
/** Where an event stands, its operation left out. */
const places = join(positionFields.filter(({ name }) => name !== '_valid_from').map(({ name }) => sql`events.${id(name)}`))

/**
 * Reads temp table `changes`: the images that go (`_delta` −1) and come (1), with `_row_hash`. Makes temp tables `state` and `applied`, as `readState`
 * and `collapse` do for tables with a key.
 * @throws TableHalted when a row is to go that silver does not have, or a snapshot does not tell what it saw
 */
export async function countCopies(duck: Duck, { tables, silver, ...judging }: Counting): Promise<Collapsed> {
  await readMarks(duck, silver, tables)
  const judged = await judgeEvents(duck, judging)
  await refuseUnclear(duck, judging.table)
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE resets AS
    SELECT nth, CASE _op WHEN 't' THEN 't' ELSE 'd' END AS _op, row_number() OVER (ORDER BY nth) AS part FROM events WHERE resets`)
  const begun = (await duck.row(sql`SELECT 1 FROM resets LIMIT 1`)) !== undefined
  await readCopies(duck, silver, { tables, wanted: begun ? undefined : sql`SELECT _row_hash FROM changes` })
  await duck.run(counted)
  await refuseMissing(duck, judging.table)
  await duck.run(ended)
  await duck.run(moved)
  await duck.run(applied)
  await duck.run(furthest)
  await duck.run(sql`DROP TABLE counted; DROP TABLE ended; DROP TABLE moved`)
  return judged
}

/**
 * Temp table `counted`: the images that count, and which copy of its row each is. An update that changes nothing which silver shows is none.
 * `part`: how many resets came before, from each of which the count starts at 0.
 */
const counted = sql`CREATE OR REPLACE TEMP TABLE counted AS
  WITH standing AS (SELECT _row_hash, max(_copy) AS n FROM state WHERE _path IS NOT NULL GROUP BY _row_hash),
  kept AS (
    SELECT _row_id, _row_hash, _delta, nth FROM changes JOIN events USING (_epoch, _partition, _offset) WHERE kept AND NOT _bad
    QUALIFY count(*) OVER (PARTITION BY nth, _row_hash) = 1
  ),
  parted AS (SELECT kept.*, coalesce(resets.part, 0) AS part FROM kept ASOF LEFT JOIN resets ON kept.nth >= resets.nth)
  SELECT parted.*, CASE part WHEN 0 THEN coalesce(standing.n, 0) ELSE 0 END
    + sum(_delta) OVER (PARTITION BY _row_hash, part ORDER BY nth, _delta ROWS UNBOUNDED PRECEDING)::BIGINT AS n
  FROM parted LEFT JOIN standing USING (_row_hash)`

/** Temp table `ended`: the copies that stand when a reset comes, with its number. */
const ended = sql`CREATE OR REPLACE TEMP TABLE ended AS
  WITH lasts AS (
    SELECT _row_hash, part, arg_max(n, (nth, _delta)) AS n FROM counted GROUP BY _row_hash, part
    UNION ALL SELECT _row_hash, 0, max(_copy) FROM state
      WHERE _path IS NOT NULL AND _row_hash NOT IN (SELECT _row_hash FROM counted WHERE part = 0) GROUP BY _row_hash
  )
  SELECT _row_hash, unnest(range(1, n + 1)) AS _copy, resets.nth, resets._op FROM lasts JOIN resets ON resets.part = lasts.part + 1 WHERE n > 0`

/**
 * Temp table `moved`: every copy that comes or goes, as history has it. One that ends at a reset is known by its hash alone; one that the reset's own
 * event brings back at once is changed, not ended.
 */
const moved = sql`CREATE OR REPLACE TEMP TABLE moved AS
  WITH steps AS (SELECT _row_id, nth, CASE _delta WHEN 1 THEN n ELSE n + 1 END AS _copy FROM counted)
  SELECT changes.* EXCLUDE (_row_id, _bad, _delta) REPLACE (CASE WHEN _delta = -1 THEN 'd' WHEN changes._op = 'r' THEN 'r' ELSE 'c' END AS _op), steps._copy, steps.nth
  FROM changes JOIN steps USING (_row_id)
  UNION ALL BY NAME
  SELECT ended.*, ${places} FROM ended JOIN events USING (nth)
  WHERE NOT EXISTS (FROM counted WHERE counted._row_hash = ended._row_hash AND counted.nth = ended.nth AND counted.n = ended._copy)`

const applied = sql`CREATE OR REPLACE TEMP TABLE applied AS
  SELECT moved.* EXCLUDE (nth), row_number() OVER (PARTITION BY ${key} ORDER BY nth DESC) = 1 AS _winner,
    greatest(state._valid_from, max(moved._source_ts) OVER (PARTITION BY ${key} ORDER BY nth ROWS UNBOUNDED PRECEDING)) AS _valid_from
  FROM moved LEFT JOIN state USING (${key})`

/** What was miscounted before a reset is past: a new snapshot is the way out. */
async function refuseMissing(duck: Duck, table: string): Promise<void> {
  const missing = await duck.row<{ partition: number; offset: bigint }>(sql`
    SELECT changes._partition AS partition, changes._offset AS "offset" FROM counted JOIN changes USING (_row_id)
    WHERE n < 0 AND part = (SELECT count(*) FROM resets) ORDER BY changes._offset LIMIT 1`)
  if (!missing) return
  throw new TableHalted(
    `${table}: the event at partition ${missing.partition}, offset ${missing.offset} takes a row that silver does not have, and the table has no key that ` +
      `would tell which other was meant: an event before it was lost or set aside. While nothing writes the table, type ` +
      `\`binlake snapshot ${table} --full\`: its rows take the place of all that was counted (docs/keys.md)`,
  )
}
