// A table's new bronze versions made into what applies: typed, masked, truncates spelled out, collapsed. Merge and rebuild both begin here.
// Guarantee: what does not fit is set aside in quarantine, once, and the rest goes on.

import type { Logger } from 'pino'
import type { Add } from '../lake/actions.ts'
import type { Duck } from '../lake/duckdb.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { tablePath } from '../lake/layout.ts'
import { scan } from '../lake/scan.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { type Sql, sql } from '../lake/sql.ts'
import type { MaskPlan } from '../privacy/mask.ts'
import { topicsOf } from './bronze-names.ts'
import { typeChanges } from './changes.ts'
import { isMultiset } from './multiset/copies.ts'
import { countCopies } from './multiset/count-copies.ts'
import { judgedColumns } from './multiset/judge-events.ts'
import { type Collapsed, collapse } from './order/collapse.ts'
import { epochDecisions, epochOfRow } from './order/epochs.ts'
import { eventRows } from './order/event-rows.ts'
import type { EventsOfKeys } from './order/events-of-keys.ts'
import { earlierRows, identityColumns, lookUp } from './order/identity.ts'
import { lostInserts, lostInsertsText } from './order/lost-inserts.ts'
import { lonelyTombstones } from './order/tombstones.ts'
import { addTruncated, arrivalColumns, arrivals, hasSeveralPartitions } from './order/truncates.ts'
import { bronzeColumnsRead } from './own-columns.ts'
import { refuseOverBudget } from './quarantine/budget.ts'
import { mendsOf, withoutReplaced } from './quarantine/mends.ts'
import { quarantine } from './quarantine.ts'
import { builtUnder } from './schema/built.ts'
import { type Hold, holdIn } from './schema/hold.ts'
import { readState } from './silver.ts'
import type { SilverTables } from './silver-parts.ts'
import { markUnchanged } from './snapshots/mark-unchanged.ts'
import type { SourceTable } from './source-schema.ts'
import { nameOf } from './table-name.ts'

/** One table's way from bronze to silver. */
export interface Way {
  lake: Lakehouse
  log: Logger
  schema: SourceTable
  mask: MaskPlan
  /** How many records may wait in quarantine before the table stops; absent: any number. */
  quarantineBudget?: number
}

export interface Batch {
  bronze: Snapshot
  /** Bronze files to take. */
  files: Add[]
  tables: SilverTables
  /** Where the silver tables' files are, if not in the lake itself. */
  silver?: Lakehouse
  /** False: nothing is written to quarantine. */
  setAside?: boolean
  /** Only the changes of these keys. */
  only?: EventsOfKeys
  /** Only these rows of the files. */
  part?: BronzePart
}

/** Narrows bronze's own rows; needs these columns of them. */
export interface BronzePart {
  rows: (rows: Sql) => Sql
  columns: readonly string[]
}

/** Makes temp table `applied` from bronze files and what the silver tables hold of the same keys. */
export async function apply(
  duck: Duck,
  way: Way,
  { bronze, tables, files, silver = way.lake, setAside = true, only, part }: Batch,
): Promise<Collapsed> {
  const { lake, schema, mask, log } = way
  const at = { duck, lake }
  const path = tablePath('bronze', schema)
  const hold = await holdIn(duck, way, { bronze, files, silver: tables.current })
  tables.built = builtUnder(schema, mask, hold.waiting)
  const taken = { bronze, files, hold, part, without: withoutReplaced(await mendsOf(duck, lake, schema)) }
  const deleting = await lonelyTombstones(at, schema, { bronze, rows: columns => bronzeRows(duck, way, taken, columns) })
  const recorded = await bronzeRows(duck, way, taken)
  const rows = deleting ? sql`(FROM ${recorded} UNION ALL FROM ${deleting})` : recorded
  await typeChanges(duck, only ? only.among(rows) : rows, { schema, mask })
  await only?.keep(duck)
  if (setAside) await quarantineBad(duck, way, { bronze, path, files })
  const unordered = schema.timeline?.unordered
  if (isMultiset(mask.primaryKey)) {
    const counted = await bronzeRows(duck, way, taken, judgedColumns)
    const earlier = (events: Sql) => earlierRows(at, schema, { bronze, events })
    return countCopies(duck, { table: nameOf(schema), tables, silver, rows: counted, earlier, unordered })
  }
  const events = (columns: readonly string[]) => bronzeRows(duck, way, taken, columns)
  const several = hasSeveralPartitions(bronze) ? await events(arrivalColumns) : undefined
  const arrived = several && arrivals(several)
  const truncates = await addTruncated(at, schema, { bronze, tables, silver, several, events: await events(identityColumns) })
  await readState(duck, silver, tables)
  const collapsed = await collapse(duck, {
    table: nameOf(schema),
    key: mask.primaryKey,
    findSeen: async places => lookUp(at, schema, { bronze, events: await events(identityColumns), places }),
    arrivals: arrived,
    truncates,
    unordered,
  })
  if (collapsed.reused) {
    const text = 'events have the ids of others of quite another time: the source uses its numbers again'
    log.warn({ table: nameOf(schema), events: collapsed.reused }, text)
  }
  await markUnchanged(duck, mask, { tables, silver, arrivals: arrived })
  const moved = setAside && (await duck.row(sql`SELECT 1 FROM applied WHERE _op = 'd' LIMIT 1`))
  const lost = moved ? await lostInserts(at, schema, { bronze, files }) : []
  if (lost.length > 0) log.warn({ table: nameOf(schema), records: lost.length }, lostInsertsText(schema, lost))
  return collapsed
}

interface Taken {
  bronze: Snapshot
  files: Add[]
  hold: Hold
  part: BronzePart | undefined
  /** Leaves out what a person replaced or gave up, if there is such. */
  without: ReturnType<typeof withoutReplaced>
}

/** What silver reads of bronze files: all of their rows, but for those that a person put others in the place of, or gave up. */
async function bronzeRows(
  duck: Duck,
  { lake, schema }: Way,
  { bronze, files, hold, part, without }: Taken,
  columns: readonly string[] = bronzeColumnsRead,
): Promise<Sql> {
  const among = {
    rows: (rows: Sql) => {
      const kept = part ? part.rows(rows) : rows
      return hold.before(without ? without(kept) : kept)
    },
    columns: [
      ...hold.columns,
      ...(part?.columns ?? []),
      ...(without ? ['_topic', '_epoch', '_partition', '_offset', '_headers'] : []),
    ],
  }
  return eventRows({ duck, lake }, schema, { bronze, files, columns, among })
}

/** Rows whose values do not fit their columns go to quarantine, once: how far each partition was looked at is kept there. */
async function quarantineBad(
  duck: Duck,
  { lake, schema, log, quarantineBudget: budget }: Way,
  { bronze, path, files }: { bronze: Snapshot; path: string; files: Add[] },
): Promise<void> {
  const bad = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM changes WHERE _bad`)
  if (!bad || bad.n === 0n) return
  const lives = bronze.fields.some(({ name }) => name === '_epoch') ? ['_epoch'] : []
  const columns = ['_partition', '_offset', '_kafka_ts', '_key', '_value', ...lives]
  const life = lives.length > 0 ? sql`coalesce(_epoch, 0)` : sql`0`
  const scanned = await scan(lake.table(path), bronze, { files, columns })
  const rows = lives.length > 0 ? scanned : sql`(SELECT *, 0 AS _epoch FROM ${scanned})`
  const epoch = epochOfRow(await epochDecisions({ duck, lake }, schema))
  const ends = await duck.rows<{ partition: number; to: bigint }>(
    sql`SELECT _partition AS partition, max(_offset) + 1 AS "to" FROM changes GROUP BY ALL`,
  )
  await quarantine({ duck, lake }, schema, {
    rows: sql`SELECT _partition, _offset, ${life} AS _life, _kafka_ts, 'value_does_not_fit' AS _reason, encode(_key) AS _key, encode(_value) AS _value
      FROM ${rows} WHERE (${epoch}, _partition, _offset) IN (SELECT (_epoch, _partition, _offset) FROM changes WHERE _bad)`,
    offsets: { ...newestTopic(bronze), ranges: new Map(ends.map(({ partition, to }) => [partition, { from: 0n, to }])) },
    step: 'silver',
  })
  log.warn({ table: nameOf(schema), records: Number(bad.n) }, 'values do not fit their columns; the records are in quarantine')
  await refuseOverBudget({ duck, lake }, schema, budget)
}

function newestTopic(bronze: Snapshot): { topic: string; topicId: string } {
  return topicsOf(bronze).at(-1)!
}
