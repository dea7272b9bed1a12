// One table's history as a binlog point needs it: where its changes stand in the source, its snapshots, and whether it has reached a point.
// Guarantee: a table that lacks a change of a transaction that counts is found out, not read as if it were whole.

import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath, tablePaths, nameOf as textOf } from '../../lake/layout.ts'
import { prune } from '../../lake/prune.ts'
import { scan } from '../../lake/scan.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, type Sql, sql } from '../../lake/sql.ts'
import { paths } from '../silver-parts.ts'
import { sweptMark } from '../snapshots/marks.ts'
import type { TableName } from '../source-schema.ts'
import { nameOf } from '../table-name.ts'
import { takenBy } from '../taken.ts'
import { AsOfError } from './as-of-error.ts'
import { fileBase, fileNumber } from './source-transactions.ts'

/** What answers a point: a database of its own, and the histories of the tables asked for. It reads positions of events, no values. */
export interface AsOfWork {
  duck: Duck
  lake: Lakehouse
  histories: PastHistory[]
}

export interface PastHistory {
  name: TableName
  /** Temp table: `gtid`, `op`, `base`, `file`, `pos`, `seq`, `partition`, `time`, a row for each of the history's. */
  places: Sql
  /** The initial snapshots, the first one first: its place in the binlog, and the place of its rows in the history. */
  snapshots: readonly InitialSnapshot[]
  /** Whether rows were swept out of it (snapshots/apply-sweep.ts): those are not among the places. */
  swept: boolean
  /** Rows of incremental snapshots, which began the history of a table that was added later. */
  incremental: { gtid: string; file: bigint; pos: bigint } | undefined
}

export interface InitialSnapshot {
  file: string
  base: string
  number: bigint
  pos: bigint
  first: bigint
  last: bigint
  /** Microseconds since 1970, of the source's clock. */
  time: bigint
}

const columns = ['_gtid', '_op', '_file', '_pos', '_seq', '_partition', '_source_ts']

/** Reads the positions of a history into the work, once. Undefined: the lake has no such history. */
export async function readHistory({ duck, lake, histories }: AsOfWork, name: TableName): Promise<PastHistory | undefined> {
  const known = histories.find(history => nameOf(history.name) === nameOf(name))
  if (known) return known
  const path = paths(name).history
  const snapshot = await lake.current(path)
  if (!snapshot) return undefined
  const places = id(`places_${histories.length}`)
  const flag = snapshot.fields.some(field => field.name === '_snapshot') ? ['_snapshot'] : []
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE ${places} AS
    SELECT _gtid AS gtid, _op AS op, ${fileBase(sql`_file`)} AS base, ${fileNumber(sql`_file`)} AS file, _file, _pos AS pos, _seq AS seq,
      _partition AS partition, epoch_us(_source_ts) AS time
    FROM ${await scan(lake.table(path), snapshot, { columns: [...columns, ...flag] })} ${flag.length > 0 ? sql`WHERE _snapshot IS DISTINCT FROM ${sweptMark}` : sql``}`)
  const snapshots = await duck.rows<InitialSnapshot>(sql`
    SELECT _file AS file, base, file AS number, pos, min(seq) AS first, max(seq) AS last, max(time) AS time
    FROM ${places} WHERE op = 'r' AND gtid IS NULL GROUP BY _file, base, file, pos ORDER BY first`)
  const incremental = await duck.row<{ gtid: string; file: bigint; pos: bigint }>(
    sql`SELECT gtid, file, pos FROM ${places} WHERE op = 'r' AND gtid IS NOT NULL ORDER BY seq DESC LIMIT 1`,
  )
  const swept = flag.length > 0 && (await hasSwept(duck, await scan(lake.table(path), snapshot, { columns: flag })))
  const history = { name, places, snapshots, swept, incremental: snapshots.length === 0 ? incremental : undefined }
  histories.push(history)
  return history
}

async function hasSwept(duck: Duck, rows: Sql): Promise<boolean> {
  return (await duck.row(sql`SELECT 1 FROM ${rows} WHERE _snapshot = ${sweptMark} LIMIT 1`)) !== undefined
}

/** The histories of all source tables in the lake. */
export async function everyHistory(lake: Lakehouse): Promise<{ name: TableName; path: string; snapshot: Snapshot }[]> {
  const found: { name: TableName; path: string; snapshot: Snapshot }[] = []
  const suffix = '_history'
  for (const path of await tablePaths(lake.store, 'silver')) {
    const [, database = '', table = ''] = path.split('/').map(textOf)
    const snapshot = table.endsWith(suffix) ? await lake.current(path) : undefined
    if (snapshot?.fields.some(({ name }) => name === '_seq'))
      found.push({ name: { database, table: table.slice(0, -suffix.length) }, path, snapshot })
  }
  return found
}

/** A transaction that touches a table, and how many of its events do. */
export interface Touching {
  id: string
  ord: bigint
  events: bigint
}

/** The newest transaction among `source_transactions` that touches a table and fulfils a condition; undefined: none. */
export async function newestTouching(duck: Duck, name: TableName, condition: Sql): Promise<Touching | undefined> {
  return duck.row<Touching>(sql`
    SELECT id, ord, list_sum([t.event_count FOR t IN tables IF t.data_collection = ${nameOf(name)}])::BIGINT AS events
    FROM source_transactions WHERE ${condition} AND list_contains([t.data_collection FOR t IN tables], ${nameOf(name)})
    ORDER BY ord DESC LIMIT 1`)
}

/** Throws AS_OF_BEHIND if the history lacks changes of `touching`; `own` are the history's rows of it, `later` those of transactions after it. */
export async function checkReached(
  { duck, lake }: AsOfWork,
  { name, places }: PastHistory,
  { touching, own, later }: { touching: Touching; own: Sql; later: Sql },
): Promise<void> {
  const held = await duck.row<{ own: bigint; later: boolean }>(
    sql`SELECT count(*) FILTER (${own}) AS own, coalesce(bool_or(${later}), false) AS later FROM ${places}`,
  )
  if (held!.later || held!.own >= touching.events) return
  if (await droppedSince(duck, lake, { name, touching, own })) return
  throw new AsOfError(
    'AS_OF_BEHIND',
    `${nameOf(name)}: silver has not taken all changes up to that point (transaction ${touching.id}); let \`binlake run\` catch up`,
  )
}

/** Whether silver has taken all of bronze, and bronze has all events of the transaction: then those it lacks were set aside, or sent twice. */
async function droppedSince(
  duck: Duck,
  lake: Lakehouse,
  { name, touching, own }: { name: TableName; touching: Touching; own: Sql },
): Promise<boolean> {
  const bronze = await lake.current(tablePath('bronze', name))
  const history = await lake.current(paths(name).history)
  if (!bronze || takenBy(history, bronze.metaData.id) < bronze.version) return false
  const around = await eventsAround(duck, lake, { name, bronze, transaction: touching.id })
  const found = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM ${around} WHERE ${own}`)
  return found!.n >= touching.events
}

/** Bronze's events of the time when a transaction was sent: `gtid`, `op`, `file`, `pos`. */
export async function eventsAround(
  duck: Duck,
  lake: Lakehouse,
  { name, bronze, transaction }: { name: TableName; bronze: Snapshot; transaction: string },
): Promise<Sql> {
  const sent = (time: Sql) => [sql`(SELECT ${time} FROM source_transactions WHERE id = ${transaction})`]
  const files = await prune(duck, bronze, [
    [
      { column: '_kafka_ts', operator: '>=', values: sent(sql`since - INTERVAL 1 HOUR`), plain: false },
      { column: '_kafka_ts', operator: '<=', values: sent(sql`until + INTERVAL 1 HOUR`), plain: false },
    ],
  ])
  const table = lake.table(tablePath('bronze', name))
  const events = await scan(table, bronze, { files, columns: ['_gtid', '_file', '_pos', '_op'] })
  return sql`(SELECT _gtid AS gtid, _op AS op, ${fileNumber(sql`_file`)} AS file, _pos AS pos FROM ${events} WHERE _op NOT IN ('r', 't'))`
}
