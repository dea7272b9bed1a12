// A table's new bronze versions made into what applies: typed, masked, truncates spelled out, collapsed. Merge and rebuild both begin here.
// Guarantee: what does not fit is set aside in quarantine, once, and the rest goes on.
import type { Logger } from 'pino'
import type { Add } from '../lake/actions.ts'
import type { Duck } from '../lake/duckdb.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { tablePath } from '../lake/layout.ts'
import { scan } from '../lake/scan.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { id, join, type Sql, sql } from '../lake/sql.ts'
import type { MaskPlan } from '../privacy/mask.ts'
import { topicsOf } from './bronze-names.ts'
import { typeChanges } from './changes.ts'
import { type Collapsed, collapse, TableHalted } from './collapse.ts'
import type { EventsOfKeys } from './events-of-keys.ts'
import { isMultiset } from './multiset/copies.ts'
import { countCopies } from './multiset/count-copies.ts'
import { positions } from './multiset/judge-events.ts'
import { bronzeColumnsRead } from './own-columns.ts'
import { refuseOverBudget } from './quarantine/budget.ts'
import { mendsOf, withoutReplaced } from './quarantine/mends.ts'
import { quarantine } from './quarantine.ts'
import { readState } from './silver.ts'
import { paths, type SilverTables } from './silver-parts.ts'
import type { SourceTable } from './source-schema.ts'

/** One table's way from bronze to silver. */
export interface Way {
  lake: Lakehouse
  log: Logger
  schema: SourceTable
  mask: MaskPlan
  /** How many records may wait in quarantine before the table stops; absent: any number. */
  quarantineBudget?: number
}

/** Bronze as it is now; undefined: there is none. Throws TableHalted and TableOmitted where no silver can be made of it. */
export async function openBronze({ lake, schema, mask }: Way): Promise<Snapshot | undefined> {
  const bronze = await lake.current(tablePath('bronze', schema))
  if (!bronze) return undefined
  if (schema.primaryKey.length === 0 && new Set(topicsOf(bronze).map(({ partition }) => partition)).size > 1)
    throw new TableHalted(
      `${nameOf(schema)}: the table has no primary key, and its topic several partitions, over which Kafka keeps no order of its changes; give the table ` +
        'an invisible primary key, or a new topic of one partition and a new snapshot (docs/keys.md)',
    )
  if (recreated(bronze)) {
    throw new TableHalted(
      `${nameOf(schema)}: its topic was deleted and created again, so offsets no longer tell the order; move the table's folders in bronze and silver ` +
        'aside, and the new topic is read from its start',
    )
  }
  if (mask.omitted !== undefined) throw new TableOmitted(`${nameOf(schema)}: not in silver: ${mask.omitted}`)
  return bronze
}

/** The policy does not let this table into silver. */
export class TableOmitted extends Error {
  readonly code = 'TABLE_OMITTED'
  readonly retryable = false
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
}

/** Makes temp table `applied` from bronze files and what the silver tables hold of the same keys. */
export async function apply(
  duck: Duck,
  way: Way,
  { bronze, tables, files, silver = way.lake, setAside = true, only }: Batch,
): Promise<Collapsed> {
  const { lake, schema, mask } = way
  const path = tablePath('bronze', schema)
  const rows = await bronzeRows(duck, way, { bronze, files })
  await typeChanges(duck, only ? only.among(rows) : rows, { schema, mask })
  await only?.keep(duck)
  if (setAside) await quarantineBad(duck, way, { bronze, path, files })
  if (isMultiset(mask.primaryKey)) {
    const all = () => bronzeRows(duck, way, { bronze, files: [...bronze.files.values()] }, positions)
    const counted = await bronzeRows(duck, way, { bronze, files }, positions)
    return countCopies(duck, { table: nameOf(schema), tables, silver, rows: counted, all })
  }
  await addTruncated(duck, lake, { bronze, path, files, tables, silver })
  await readState(duck, silver, tables)
  return collapse(duck, nameOf(schema), mask.primaryKey)
}

/** What silver reads of bronze files: all of their rows, but for those that a person put others in the place of, or gave up. */
async function bronzeRows(
  duck: Duck,
  { lake, schema }: Way,
  { bronze, files }: { bronze: Snapshot; files: Add[] },
  columns: readonly string[] = bronzeColumnsRead,
): Promise<Sql> {
  const table = lake.table(tablePath('bronze', schema))
  const without = withoutReplaced(await mendsOf(duck, lake, schema))
  if (!without) return scan(table, bronze, { files, columns })
  const rows = without(await scan(table, bronze, { files, columns: [...bronzeColumnsRead, '_topic', '_headers'] }))
  return sql`(SELECT ${join(columns.map(name => id(name)))} FROM ${rows})`
}

/** Rows whose values do not fit their columns go to quarantine, once: how far each partition was looked at is kept there. */
async function quarantineBad(
  duck: Duck,
  { lake, schema, log, quarantineBudget: budget }: Way,
  { bronze, path, files }: { bronze: Snapshot; path: string; files: Add[] },
): Promise<void> {
  const bad = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM changes WHERE _bad`)
  if (!bad || bad.n === 0n) return
  const rows = await scan(lake.table(path), bronze, { files, columns: ['_partition', '_offset', '_kafka_ts', '_key', '_value'] })
  const ends = await duck.rows<{ partition: number; to: bigint }>(
    sql`SELECT _partition AS partition, max(_offset) + 1 AS "to" FROM changes GROUP BY ALL`,
  )
  await quarantine({ duck, lake }, schema, {
    rows: sql`SELECT _partition, _offset, _kafka_ts, 'value_does_not_fit' AS _reason, encode(_key) AS _key, encode(_value) AS _value
      FROM ${rows} SEMI JOIN (SELECT _partition, _offset FROM changes WHERE _bad) USING (_partition, _offset)`,
    offsets: { ...newestTopic(bronze), ranges: new Map(ends.map(({ partition, to }) => [partition, { from: 0n, to }])) },
    step: 'silver',
  })
  log.warn({ table: nameOf(schema), records: Number(bad.n) }, 'values do not fit their columns; the records are in quarantine')
  await refuseOverBudget({ duck, lake }, schema, budget)
}

/** Whether bronze holds records of two lives of one topic. */
function recreated(bronze: Snapshot): boolean {
  const lives = new Set(topicsOf(bronze).map(({ topic, topicId }) => `${topic}#${topicId}`))
  return lives.size > new Set(topicsOf(bronze).map(({ topic }) => topic)).size
}

function newestTopic(bronze: Snapshot): { topic: string; topicId: string } {
  return topicsOf(bronze).at(-1)!
}

/** A truncate ends every row that is live when it comes: each gets a change `t` at its place (cdc-spec §2.4). */
async function addTruncated(
  duck: Duck,
  lake: Lakehouse,
  {
    bronze,
    path,
    files,
    tables,
    silver,
  }: { bronze: Snapshot; path: string; files: Add[]; tables: SilverTables; silver: Lakehouse },
): Promise<void> {
  const events = await scan(lake.table(path), bronze, { files, columns: bronzeColumnsRead.slice(1) })
  const truncates = await duck.rows<{ partition: number; offset: bigint }>(
    sql`SELECT _partition AS partition, _offset AS "offset" FROM ${events} WHERE _op = 't' ORDER BY _offset`,
  )
  if (truncates.length === 0) return
  if (new Set(topicsOf(bronze).map(({ partition }) => partition)).size > 1) {
    throw new TableHalted(
      `${path}: a TRUNCATE arrived in a topic of several partitions, where its place among the other changes is unknown; take a new snapshot of the table`,
    )
  }
  const key = join(tables.key.map(name => id(name)))
  const live = tables.current
    ? await scan(silver.table(paths(tables.name).current), tables.current, { columns: tables.key })
    : undefined
  for (const { partition, offset } of truncates) {
    const held = live ? sql`UNION ALL SELECT ${key}, -1 AS _offset, 'c' AS _op FROM ${live}` : sql``
    await duck.run(sql`INSERT INTO changes BY NAME
      SELECT ${key}, _truncated.*, false AS _bad, (SELECT coalesce(max(_row_id), 0) FROM changes) + row_number() OVER () AS _row_id
      FROM (SELECT ${key} FROM (SELECT ${key}, _offset, _op FROM changes WHERE _offset < ${offset} AND NOT _bad ${held}) GROUP BY ${key} HAVING arg_max(_op, _offset) NOT IN ('d', 't')),
        (SELECT * FROM ${events} WHERE _op = 't' AND _partition = ${partition} AND _offset = ${offset}) AS _truncated`)
  }
}

function nameOf({ database, table }: SourceTable): string {
  return `${database}.${table}`
}
