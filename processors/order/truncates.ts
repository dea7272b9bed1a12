// Truncates: each ends every row that is live when it comes. Where a topic has several partitions, older changes may come after it, and are older still.
// Guarantee: one truncate's part in a key is the same however the changes were cut into steps; one that was sent again has none.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { scan } from '../../lake/scan.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import { livesBefore, topicsOf } from '../bronze-names.ts'
import { bronzeColumnsRead } from '../own-columns.ts'
import { paths, type SilverTables } from '../silver-parts.ts'
import type { TableName } from '../source-schema.ts'
import { eventRows } from './event-rows.ts'
import { lookUp } from './identity.ts'

/** What `arrivals` reads of the events of a step. */
export const arrivalColumns = ['_epoch', '_partition', '_offset', '_ingested_at']

const carried = bronzeColumnsRead.slice(1)

export function hasSeveralPartitions(bronze: Snapshot): boolean {
  return new Set(topicsOf(bronze).map(({ partition }) => partition)).size > 1
}

/** When each event came into bronze; a later offset of a partition never before an earlier one, whatever the workers' clocks said. */
export function arrivals(events: Sql): Sql {
  return sql`(SELECT _epoch, _partition, _offset, max(_ingested_at) OVER (PARTITION BY _epoch, _partition ORDER BY _offset) AS _arrived FROM ${events})`
}

export interface TruncateOptions {
  bronze: Snapshot
  tables: SilverTables
  /** Where the silver tables' files are. */
  silver: Lakehouse
  /** The step's events with `identityColumns`. */
  events: Sql
  /** The step's events with `arrivalColumns`, if the topic has several partitions. */
  several: Sql | undefined
}

/**
 * Adds to temp table `changes` a change `t` of every key that may be live at a truncate of the step. For a topic of several partitions it returns a query
 * for the truncates of earlier steps, which keys of this one may be too late for.
 */
export async function addTruncated(
  at: { duck: Duck; lake: Lakehouse },
  table: TableName,
  { bronze, tables, silver, events, several }: TruncateOptions,
): Promise<Sql | undefined> {
  const { duck } = at
  const found = await duck.row(sql`SELECT 1 FROM ${events} WHERE _op = 't' LIMIT 1`)
  if (found) {
    const places = sql`(SELECT _epoch, _partition, _offset FROM ${events} WHERE _op = 't')`
    await lookUp(at, table, { bronze, events, places })
    const files = [...bronze.files.values()]
    const rows = await eventRows(at, table, {
      bronze,
      files,
      columns: carried,
      among: { rows: all => sql`(SELECT * FROM ${all} WHERE _op = 't')`, columns: ['_op'] },
    })
    const unseen = sql`(SELECT * FROM ${rows} SEMI JOIN ${places} USING (_epoch, _partition, _offset) ANTI JOIN seen USING (_epoch, _partition, _offset))`
    await duck.run(sql`CREATE OR REPLACE TEMP TABLE truncates AS SELECT DISTINCT * FROM ${unseen}`)
    const key = join(tables.key.map(name => id(name)))
    const live = tables.current
      ? sql`UNION ALL SELECT ${key}, -1, -1 FROM ${await scan(silver.table(paths(tables.name).current), tables.current, { columns: tables.key })}`
      : sql``
    const before = several ? sql`true` : sql`(known._epoch, known._offset) < (truncates._epoch, truncates._offset)`
    await duck.run(sql`INSERT INTO changes BY NAME
      SELECT *, false AS _bad, (SELECT coalesce(max(_row_id), 0) FROM changes) + row_number() OVER () AS _row_id FROM (
        SELECT DISTINCT ${join(tables.key.map(name => id('known', name)))}, truncates.* FROM truncates
        JOIN (SELECT ${key}, _epoch, _offset FROM changes WHERE NOT _bad AND _op <> 't' ${live}) AS known ON ${before})`)
  }
  return several && takenBefore(at, table, { bronze, several })
}

/** Truncates that came into bronze before any event of this step. */
async function takenBefore(
  at: { duck: Duck; lake: Lakehouse },
  table: TableName,
  { bronze, several }: { bronze: Snapshot; several: Sql },
): Promise<Sql | undefined> {
  const noted = [...bronze.txns.keys()].flatMap(appId => {
    const match = /^binlake-truncate\/(.+)#([^#/]*)\/(\d+)\/(\d+)$/.exec(appId)
    return match
      ? [
          sql`(coalesce(_epoch, 0) = ${livesBefore(bronze, match[1]!, match[2]!)} AND _partition = ${Number(match[3])} AND _offset = ${BigInt(match[4]!)})`,
        ]
      : []
  })
  if (noted.length === 0) return undefined
  const among = {
    rows: (rows: Sql) => sql`(SELECT * FROM ${rows} WHERE _op = 't' AND (${join(noted, ' OR ')}))`,
    columns: ['_epoch', '_op', '_partition', '_offset'],
  }
  const rows = await eventRows(at, table, {
    bronze,
    files: [...bronze.files.values()],
    columns: [...carried, '_ingested_at'],
    among,
  })
  await at.duck.run(sql`CREATE OR REPLACE TEMP TABLE truncates_before AS
    SELECT DISTINCT * EXCLUDE (_ingested_at), row_number() OVER (ORDER BY _epoch, _ingested_at, _partition, _offset) AS _nth
    FROM ${rows} WHERE _ingested_at < (SELECT min(_ingested_at) FROM ${several})`)
  return sql`truncates_before`
}
