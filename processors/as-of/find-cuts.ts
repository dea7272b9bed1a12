// The state of the source's database at a point of its binlog, out of silver's histories: after one transaction and before the next.
// Guarantee: all tables show the same transactions, each whole; a point that cannot be answered exactly is refused with the reason.
import { Duck, type DuckOptions } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { scan } from '../../lake/scan.ts'
import { join, type Sql, sql } from '../../lake/sql.ts'
import type { Cut, FindCut } from '../../sql/derived.ts'
import type { BinlogPoint } from '../../sql/point.ts'
import { sweptMark } from '../snapshots/marks.ts'
import { nameOf } from '../table-name.ts'
import { AsOfError } from './as-of-error.ts'
import { among, type Gtids, resolveGtids } from './gtids.ts'
import {
  type AsOfWork,
  checkReached,
  everyHistory,
  type InitialSnapshot,
  newestTouching,
  type PastHistory,
  readHistory,
} from './history.ts'
import { resolvePosition } from './position.ts'
import { addTruncates, readTransactions } from './source-transactions.ts'

/** Gives the finder of binlog points, which works in a database of its own. It throws AsOfError and what the lake throws. */
export function findCuts(lake: Lakehouse, duckOptions: DuckOptions = {}): FindCut {
  return async (point, names) => {
    await using duck = await Duck.open(duckOptions)
    await readTransactions(duck, lake)
    const work: AsOfWork = { duck, lake, histories: [] }
    for (const name of names) await readHistory(work, name)
    if (point.kind === 'position') {
      const found = await resolvePosition(work, point)
      // Awaited here: the database closes when this function ends.
      return 'happened' in found ? found : await gtidCut(work, found, point)
    }
    await addTruncates(duck, await truncates(work, point))
    return await gtidCut(work, await resolveGtids(duck, point), point)
  }
}

/** Truncates are told of in the histories alone: those of the tables asked for, and of all when the point is newer than the topic. */
async function truncates({ duck, lake, histories }: AsOfWork, point: BinlogPoint): Promise<Sql[]> {
  const known = histories.map(({ places }) => sql`(SELECT gtid AS _gtid, op AS _op FROM ${places})`)
  const newest = await duck.rows<{ origin: string; last: bigint }>(
    sql`SELECT origin, max(sequence) AS last FROM source_transactions WHERE origin IS NOT NULL GROUP BY origin`,
  )
  const asked =
    point.kind === 'transaction'
      ? [point]
      : point.kind === 'transactions'
        ? point.ranges.map(({ origin, to }) => ({ origin, sequence: to! }))
        : []
  if (!asked.some(({ origin, sequence }) => newest.some(one => one.origin === origin && sequence > one.last))) return known
  for (const { path, snapshot } of await everyHistory(lake)) {
    known.push(await scan(lake.table(path), snapshot, { columns: ['_gtid', '_op'] }))
  }
  return known
}

async function gtidCut(work: AsOfWork, gtids: Gtids, point: BinlogPoint): Promise<Cut> {
  const { duck, histories } = work
  const clauses = new Map<string, Sql>()
  for (const history of histories) {
    const { name, places } = history
    const without = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM ${places} WHERE gtid IS NULL AND op <> 'r'`)
    if (without!.n > 0n) {
      throw new AsOfError(
        'AS_OF_AMBIGUOUS',
        `${nameOf(name)}: some of its changes carry no GTID; ask for a binlog position (file:position)`,
      )
    }
    const counts = among(gtids, sql`gtid`)
    await checkBegun(duck, history, counts)
    const touching = await newestTouching(duck, name, among(gtids, sql`id`))
    if (touching) {
      const later = sql`gtid IN (SELECT id FROM source_transactions WHERE ord > ${touching.ord})`
      await checkReached(work, history, { touching, own: sql`gtid = ${touching.id}`, later })
    }
    const snapshots = await snapshotsThen(duck, history, gtids)
    const own = sql`(${among(gtids, sql`_gtid`)} OR (_gtid IS NULL AND _op = 'r' AND ${snapshots}))`
    // No transaction swept them: the time of the last one that counts tells.
    const until = sql`(SELECT max(epoch_us(since)) FROM source_transactions WHERE ${among(gtids, sql`id`)})`
    const time = history.swept ? (await duck.row<{ us: bigint | null }>(sql`SELECT ${until} AS us`))?.us : undefined
    const whole = sql`CASE WHEN _snapshot = ${sweptMark} THEN epoch_us(_source_ts) <= ${time ?? 0n} ELSE ${own} END`
    clauses.set(nameOf(name), history.swept ? whole : own)
  }
  return {
    said: [`as of ${point.text}`, ...gtids.said],
    happened: name => clauses.get(nameOf(name)) ?? sql`false`,
  }
}

/** A table that came later by an incremental snapshot is whole only after it. */
async function checkBegun(duck: Duck, { name, places, incremental }: PastHistory, counts: Sql): Promise<void> {
  if (!incremental) return
  const missing = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM ${places} WHERE op = 'r' AND NOT ${counts}`)
  if (missing!.n === 0n) return
  throw new AsOfError(
    'AS_OF_TOO_OLD',
    `${nameOf(name)}: it was added by an incremental snapshot that ended at ${incremental.gtid}; the earliest point for it is that transaction`,
  )
}

/** The rows of initial snapshots that had been taken then. The lake begins with one; others were taken after a reset of the connector. */
async function snapshotsThen(duck: Duck, history: PastHistory, gtids: Gtids): Promise<Sql> {
  const taken: Sql[] = []
  for (const snapshot of history.snapshots) {
    if (await wasTaken(duck, history, { snapshot, gtids })) taken.push(sql`(_file = ${snapshot.file} AND _pos = ${snapshot.pos})`)
  }
  return taken.length > 0 ? sql`(${join(taken, ' OR ')})` : sql`false`
}

async function wasTaken(
  duck: Duck,
  { places }: PastHistory,
  { snapshot, gtids }: { snapshot: InitialSnapshot; gtids: Gtids },
): Promise<boolean> {
  const { base, number, pos, first, last, time } = snapshot
  const begun = await duck.row<{ first: boolean }>(sql`
    SELECT (${base}, ${number}::BIGINT, ${pos}::BIGINT) = (SELECT (base, file, pos) FROM ddl_places ORDER BY file, pos LIMIT 1)
      OR ${time} <= (SELECT epoch_us(min(since)) FROM source_transactions) AS first`)
  if (begun!.first) return true
  const around = await duck.row<{ after: boolean; before: boolean }>(sql`
    SELECT coalesce(bool_or(happened) FILTER (seq > ${last}), false) AS after, coalesce(bool_and(happened) FILTER (seq < ${first}), true) AS before
    FROM (SELECT seq, ${among(gtids, sql`gtid`)} AS happened FROM ${places} WHERE gtid IS NOT NULL)`)
  if (around!.after || !around!.before) return around!.after
  // Between two changes of the table only the clock tells the snapshot's place; its rows then mostly repeat what was there.
  const later = await duck.row<{ later: boolean }>(
    sql`SELECT coalesce(bool_or(epoch_us(since) >= ${time}), false) AS later FROM source_transactions WHERE ${among(gtids, sql`id`)}`,
  )
  return later!.later
}
