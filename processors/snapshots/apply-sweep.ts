// A sweep as a step of silver by itself: rows without an event since the snapshot began get a deletion, right behind their last event.
// Guarantee: a function of bronze before the sweep's place and of silver there; merges and rebuilds come to the same.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { prune } from '../../lake/prune.ts'
import { scan } from '../../lake/scan.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import type { Way } from '../apply.ts'
import { typeChanges } from '../changes.ts'
import { Decisions } from '../decisions.ts'
import { isMultiset } from '../multiset/copies.ts'
import { lastCopies } from '../multiset/last-copies.ts'
import { TableHalted } from '../order/collapse.ts'
import { eventRows } from '../order/event-rows.ts'
import { maskedKeys } from '../order/events-of-keys.ts'
import { bronzeColumnsRead, positionFields } from '../own-columns.ts'
import { builtUnder } from '../schema/built.ts'
import { holdIn } from '../schema/hold.ts'
import { readState } from '../silver.ts'
import { paths, type SilverTables } from '../silver-parts.ts'
import { amongGone } from './gone-rows.ts'
import { sweptMark } from './marks.ts'
import { beforeSweep, type Sweep } from './sweep-decision.ts'

export interface SweepStep {
  bronze: Snapshot
  tables: SilverTables
  /** The decision's id, as bronze's log names it. */
  sweep: string
  /** Where the silver tables' files are, if not in the lake itself. */
  silver?: Lakehouse
}

/** The decision of a sweep that bronze's log names. */
export async function sweepById(duck: Duck, { lake, schema }: Pick<Way, 'lake' | 'schema'>, wanted: string): Promise<Sweep> {
  const decisions = await new Decisions(duck, lake).of<Sweep>(schema, 'sweep')
  const found = decisions.find(({ content }) => content.id === wanted)
  if (found) return found.content
  throw new TableHalted(
    `${schema.database}.${schema.table}: bronze names a sweep that is not among its decisions (bronze/_binlake/decisions); bring that table back from a copy, then run again`,
  )
}

/** Makes temp tables `state` and `applied`, as `apply` does for events: a deletion for each row to go. */
export async function applySweep(duck: Duck, way: Way, step: SweepStep): Promise<{ swept: number }> {
  const { bronze, tables, silver = way.lake } = step
  const sweep = await sweepById(duck, way, step.sweep)
  const hold = await holdIn(duck, way, { bronze, files: [], silver: tables.current })
  tables.built = builtUnder(way.schema, way.mask, hold.waiting)
  // Rows that the snapshot brought wait with the rest behind a held change: the sweep comes when they do.
  const waits = hold.waiting.some(({ partition, epoch, offset }) =>
    sweep.places.some(place => place.partition === partition && place.life === epoch && BigInt(offset) < BigInt(place.offset)),
  )
  const touched = sweep.rows || waits ? undefined : await touchedKeys(duck, way, { bronze, sweep })
  const nothing = await eventRows({ duck, lake: way.lake }, way.schema, { bronze, files: [], columns: bronzeColumnsRead })
  await typeChanges(duck, nothing, way)
  const several = isMultiset(tables.key)
  if (several) await duck.run(sql`ALTER TABLE changes ADD COLUMN _copy BIGINT`)
  if (tables.current && !waits) {
    const key = several ? sql`_epoch, _partition, _offset` : columns(tables.key)
    const carried = positionFields.map(({ name }) => name).filter(name => name !== '_valid_from')
    const has = new Set(tables.current.fields.map(({ name }) => name))
    const known = carried.filter(name => has.has(name))
    const live = await scan(silver.table(paths(tables.name).current), tables.current, { columns: [...tables.key, ...known] })
    const gone = touched
      ? sql`(FROM ${live} ANTI JOIN ${touched} USING (${key}))`
      : amongGone(live, sweep.rows!, { epoch: has.has('_epoch') })
    const going = several ? lastCopies(live, gone) : gone
    const started = sql`make_timestamptz(${BigInt(sweep.started) * 1_000n})`
    await duck.run(sql`INSERT INTO changes BY NAME
      SELECT * REPLACE (${started} AS _source_ts, coalesce(_row, 0) + 1 AS _row, _tx_order + 1 AS _tx_order, greatest(_offset, ${lastOffset(sweep)}) AS _offset),
        'd' AS _op, ${sweptMark} AS _snapshot, false AS _bad, row_number() OVER () AS _row_id
      FROM ${going}`)
  }
  await readState(duck, silver, tables)
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE applied AS
    SELECT changes.* EXCLUDE (_row_id, _bad), true AS _winner, greatest(state._valid_from, changes._source_ts) AS _valid_from
    FROM changes LEFT JOIN state USING (${columns(tables.key)})`)
  const count = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM applied`)
  return { swept: Number(count!.n) }
}

/** The last offset before the sweep in each partition; of a topic that had several lives a row's own offset says enough. */
function lastOffset({ places }: Sweep): Sql {
  if (new Set(places.map(({ topic, life }) => `${topic}#${life}`)).size > 1) return sql`_offset`
  const cases = places.map(({ partition, offset }) => sql`WHEN ${partition} THEN ${BigInt(offset) - 1n}`)
  return sql`CASE _partition ${join(cases, ' ')} ELSE _offset END`
}

/**
 * Temp table `touched`: the keys of all events since the snapshot began, whether they changed anything or not. A record whose own key does
 * not tell is read as a whole.
 */
async function touchedKeys(duck: Duck, way: Way, { bronze, sweep }: { bronze: Snapshot; sweep: Sweep }): Promise<Sql> {
  const { lake, schema, mask } = way
  const key = columns(mask.primaryKey)
  const since = sql`make_timestamptz(${BigInt(sweep.started) * 1_000n})`
  const files = await prune(duck, bronze, [[{ column: '_kafka_ts', operator: '>=', values: [since], plain: false }]])
  const among = (wanted: readonly string[]) =>
    eventRows({ duck, lake }, schema, {
      bronze,
      files,
      columns: wanted,
      among: {
        columns: ['_epoch', '_partition', '_offset', '_kafka_ts'],
        rows: rows => sql`(SELECT * FROM ${rows} WHERE _kafka_ts >= ${since} AND ${beforeSweep(sweep)})`,
      },
    })
  // A copy is told by the event that made it.
  if (isMultiset(mask.primaryKey)) return among(['_epoch', '_partition', '_offset'])
  await mask.bind(duck)
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE touched_places AS
    ${maskedKeys(sql`(SELECT *, NULL AS _path FROM ${await among(['_partition', '_offset', '_op', '_key'])})`, way)}`)
  const untold = join(
    mask.primaryKey.map(name => sql`${id(name)} IS NULL`),
    ' OR ',
  )
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE touched AS SELECT DISTINCT ${key} FROM touched_places WHERE NOT (${untold})`)
  const unclear = await duck.row(sql`SELECT 1 FROM touched_places WHERE "the op" <> 't' AND (${untold}) LIMIT 1`)
  if (unclear) {
    const rows = await among(bronzeColumnsRead)
    await typeChanges(
      duck,
      sql`(SELECT * FROM ${rows} SEMI JOIN (SELECT "the partition" AS _partition, "the offset" AS _offset FROM touched_places WHERE ${untold}) USING (_partition, _offset))`,
      way,
    )
    await duck.run(sql`INSERT INTO touched SELECT DISTINCT ${key} FROM changes`)
  }
  await duck.run(sql`DROP TABLE touched_places`)
  return sql`(SELECT DISTINCT ${key} FROM touched)`
}

function columns(names: readonly string[]): Sql {
  return join(names.map(name => id(name)))
}
