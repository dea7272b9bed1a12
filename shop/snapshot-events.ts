// What a connector publishes when it first looks at a database: the schema of every table, then their rows.
// Guarantee: the order and the marks of Debezium's initial snapshot (first, last and what lies between).
import { type BinlogState, binlogFile } from './binlog.ts'
import { addRecord, formats, type Records, rowTopic } from './change-events.ts'
import { type Connector, contextHeaders, type Origin, rowMessage, schemaMessage } from './envelope.ts'
import { createChange, dropChange, showCreateTable, tablesByName } from './table-changes.ts'
import type { Row } from './transaction.ts'

interface Scan {
  connector: Connector
  binlog: BinlogState
  records: Records
  /** Of the connector, microseconds. */
  time: number
}

const charset = 'CHARSET utf8mb4 COLLATE utf8mb4_0900_ai_ci'
const serverCharset = 'SET character_set_server=utf8mb4, collation_server=utf8mb4_0900_ai_ci'

/** Adds the schema change events: everything is dropped, then made anew. */
export function addSchema(scan: Scan): void {
  const { database } = scan.connector
  const tables = tablesByName()
  addDdl(scan, { database: '', ddl: serverCharset })
  for (const table of tables) {
    const ddl = `DROP TABLE IF EXISTS \`${database}\`.\`${table.name}\``
    addDdl(scan, { database, table: table.name, ddl, tableChanges: dropChange(database, table) })
  }
  addDdl(scan, { database, ddl: `DROP DATABASE IF EXISTS \`${database}\`` })
  addDdl(scan, { database, ddl: `CREATE DATABASE \`${database}\` ${charset}` })
  addDdl(scan, { database, ddl: `USE \`${database}\`` })
  for (const table of tables) {
    addDdl(scan, { database, table: table.name, ddl: showCreateTable(table), tableChanges: createChange(database, table) })
  }
}

/** Adds a row's `r` event. `mark` is source.snapshot. */
export function addScannedRow(scan: Scan, table: string, { row, mark }: { row: Row; mark: string }): void {
  const { connector, records, time } = scan
  const format = formats.get(table)!
  // The database's own clock has whole seconds here.
  const origin = { ...position(scan), snapshot: mark, time: time - (time % 1_000_000), table }
  const value = rowMessage(connector, origin, { op: 'r', before: null, after: format.scanned(row), order: null, emitted: time })
  addRecord(records, rowTopic(connector, table), { key: format.key(row), value, ...common(scan) })
}

/** source.snapshot of a row, by where it stands. */
export function snapshotMark(at: { firstTable: boolean; lastTable: boolean; firstRow: boolean; lastRow: boolean }): string {
  if (at.lastTable && at.lastRow) return 'last'
  if (at.firstTable && at.firstRow) return 'first'
  if (at.lastRow) return 'last_in_data_collection'
  return at.firstRow ? 'first_in_data_collection' : 'true'
}

function addDdl(
  scan: Scan,
  {
    database,
    table = null,
    ddl,
    tableChanges = '[]',
  }: { database: string; table?: string | null; ddl: string; tableChanges?: string },
): void {
  const { connector, records, time } = scan
  const origin: Origin = { ...position(scan), time, table }
  const value = schemaMessage(connector, origin, { database, ddl, tableChanges, emitted: time })
  addRecord(records, connector.name, { key: `{"databaseName":${JSON.stringify(database)}}`, value, ...common(scan) })
}

function position({ binlog }: Scan): Omit<Origin, 'time' | 'table'> {
  return { snapshot: 'true', gtid: null, file: binlogFile(binlog), pos: binlog.pos, row: 0, thread: null }
}

function common({ connector, time }: Scan): { headers: string; timestamp: number } {
  return { headers: contextHeaders(connector), timestamp: Math.floor(time / 1000) }
}
