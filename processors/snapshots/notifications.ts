// What Debezium's notifications in bronze say about snapshots (cdc-spec §1): when each began, what it scanned, how it ended.
// Guarantee: in the order in which they were sent; the keys that some of them carry are not read.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { scan } from '../../lake/scan.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { sql } from '../../lake/sql.ts'
import { notifications } from '../bronze-names.ts'
import { unwrapped } from '../stage.ts'

/** `Initial Snapshot` is also what a blocking one says of itself. */
export type Aggregate = 'Initial Snapshot' | 'Incremental Snapshot'

export interface Notification {
  /** Of an incremental snapshot that of its signal; otherwise of the notification alone. */
  id: string
  aggregate: Aggregate
  /** STARTED, TABLE_SCAN_COMPLETED, COMPLETED, ABORTED, … */
  type: string
  /** Milliseconds since 1970: the connector's clock, or Kafka's if that says earlier. */
  at: number
  /** The table that a scan has ended of, `database.table`. */
  table: string | undefined
  /** How that scan ended: SUCCEEDED, EMPTY, SQL_EXCEPTION, … */
  status: string | undefined
  rows: number | undefined
  /** All tables that the snapshot is about, where it says so. */
  tables: readonly string[]
}

const shape = JSON.stringify({
  id: 'VARCHAR',
  type: 'VARCHAR',
  aggregate_type: 'VARCHAR',
  timestamp: 'BIGINT',
  additional_data: {
    scanned_collection: 'VARCHAR',
    status: 'VARCHAR',
    total_rows_scanned: 'BIGINT',
    data_collections: 'VARCHAR',
  },
})

interface Row {
  id: string
  aggregate: Aggregate
  type: string
  at: bigint
  scanned: string | null
  status: string | null
  total: bigint | null
  tables: string | null
}

const read = new WeakMap<Lakehouse, { snapshot: Snapshot; notifications: Notification[] }>()

/** Oldest first; those that tell of progress within a table left out. Reads again only when there are more. */
export async function readNotifications(duck: Duck, lake: Lakehouse): Promise<readonly Notification[]> {
  const path = tablePath('bronze', notifications)
  const snapshot = await lake.current(path)
  if (!snapshot) return []
  const known = read.get(lake)
  if (known?.snapshot.version === snapshot.version && known.snapshot.metaData.id === snapshot.metaData.id)
    return known.notifications
  const events = await scan(lake.table(path), snapshot, { columns: ['_ingested_at', '_offset', '_kafka_ts', '_value'] })
  const rows = await duck.rows<Row>(sql`
    SELECT n.id AS id, n.aggregate_type AS aggregate, n.type AS type, least(n.timestamp, epoch_ms(_kafka_ts)) AS at,
      n.additional_data.scanned_collection AS scanned, n.additional_data.status AS status,
      n.additional_data.total_rows_scanned AS total, n.additional_data.data_collections AS tables
    FROM (SELECT * EXCLUDE (_value), TRY(json_transform(${unwrapped(sql`_value`)}, ${shape})) AS n FROM ${events} WHERE _value IS NOT NULL)
    WHERE n.aggregate_type IN ('Initial Snapshot', 'Incremental Snapshot') AND n.type NOT IN ('IN_PROGRESS', 'TABLE_CHUNK_IN_PROGRESS', 'TABLE_CHUNK_COMPLETED')
    ORDER BY _ingested_at, _offset`)
  const found = rows.map(
    ({ id, aggregate, type, at, scanned, status, total, tables }): Notification => ({
      id,
      aggregate,
      type,
      at: Number(at),
      table: scanned ?? undefined,
      status: status ?? undefined,
      rows: total === null ? undefined : Number(total),
      tables: tables === null ? [] : tables.split(','),
    }),
  )
  read.set(lake, { snapshot, notifications: found })
  return found
}
