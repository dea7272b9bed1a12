// Debezium's messages as text: row events, transaction marks, schema changes.
// Guarantee: the fields of Debezium 3.6.1.Final, in its order (cdc-spec §1); test/fixtures/debezium holds real ones to compare with.
import { jsonText } from './row-format.ts'

/** What every message of one connector run has in common. */
export interface Connector {
  /** topic.prefix. */
  name: string
  database: string
  /** Of the run, as Debezium's context headers carry it. */
  runId: string
  serverId: number
}

/** Where and when a change was made. */
export interface Origin {
  /** Microseconds since 1970. */
  time: number
  /** `true`, `first`, …; null when streaming. */
  snapshot: string | null
  table: string | null
  gtid: string | null
  file: string
  pos: number
  row: number
  /** The client's connection; null in snapshots and DDL. */
  thread: number | null
}

export interface RowEvent {
  op: 'c' | 'u' | 'd' | 'r'
  /** JSON. */
  before: string | null
  after: string | null
  /** `total_order` and `data_collection_order` within the transaction; null in a snapshot. */
  order: { total: number; collection: number } | null
  /** The connector's clock, microseconds. */
  emitted: number
}

export function rowMessage(connector: Connector, origin: Origin, { op, before, after, order, emitted }: RowEvent): string {
  const transaction = order
    ? `{"id":"${origin.gtid}","total_order":${order.total},"data_collection_order":${order.collection}}`
    : 'null'
  return (
    `{"before":${before},"after":${after},"source":${source(connector, origin)},"transaction":${transaction},` +
    `"op":"${op}","ts_ms":${millis(emitted)},"ts_us":${emitted},"ts_ns":${emitted}000}`
  )
}

/** `tableChanges` is JSON. */
export function schemaMessage(
  connector: Connector,
  origin: Origin,
  { database, ddl, tableChanges, emitted }: { database: string; ddl: string; tableChanges: string; emitted: number },
): string {
  return (
    `{"source":${source({ ...connector, database }, origin)},"ts_ms":${millis(emitted)},"databaseName":${jsonText(database)},` +
    `"schemaName":null,"ddl":${jsonText(ddl)},"tableChanges":${tableChanges}}`
  )
}

export function beginMessage(gtid: string, time: number): string {
  return `{"status":"BEGIN","id":"${gtid}","event_count":null,"data_collections":null,"ts_ms":${millis(time)}}`
}

/** `counts` is events by `database.table`. */
export function endMessage(gtid: string, time: number, counts: ReadonlyMap<string, number>): string {
  let total = 0
  const collections = [...counts].map(([name, events]) => {
    total += events
    return `{"data_collection":${jsonText(name)},"event_count":${events}}`
  })
  return `{"status":"END","id":"${gtid}","event_count":${total},"data_collections":[${collections}],"ts_ms":${millis(time)}}`
}

/** Headers of row and schema events; `first` is one of Debezium's own that stands before them. */
export function contextHeaders({ name, runId }: Connector, first?: readonly [string, string]): string {
  const headers = [
    ['__debezium.context.connectorLogicalName', name],
    ['__debezium.context.taskId', '0'],
    ['__debezium.context.connectorName', 'mysql'],
    ['__debezium.context.runId', runId],
  ]
  return JSON.stringify(first ? [first, ...headers] : headers)
}

function source(
  { name, database, serverId }: Connector,
  { time, snapshot, table, gtid, file, pos, row, thread }: Origin,
): string {
  return (
    `{"version":"3.6.1.Final","connector":"mysql","name":${jsonText(name)},"ts_ms":${millis(time)},` +
    `"snapshot":${snapshot === null ? 'null' : `"${snapshot}"`},"db":${jsonText(database)},"sequence":null,"ts_us":${time},"ts_ns":${time}000,` +
    `"table":${table === null ? 'null' : jsonText(table)},"server_id":${snapshot === null ? serverId : 0},` +
    `"gtid":${gtid === null ? 'null' : `"${gtid}"`},"file":"${file}","pos":${pos},"row":${row},"thread":${thread},"query":null}`
  )
}

function millis(micros: number): number {
  return Math.floor(micros / 1000)
}
