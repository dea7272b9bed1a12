// A transaction of the shop as the Debezium events and the table rows that go into the embedded log.
// Guarantee: order, positions and counts are those a connector would report; a changed key gives a delete and a create.
import type { LogRecord } from '../connectors/embedded-frame.ts'
import { type BinlogState, beginTransaction, binlogFile, endTransaction, gtidText, rowPositions } from './binlog.ts'
import { beginMessage, type Connector, contextHeaders, endMessage, type Origin, rowMessage } from './envelope.ts'
import { tableTopic } from './read-embedded.ts'
import { type RowFormat, rowFormat } from './row-format.ts'
import { shopTables } from './tables.ts'
import type { Change, Row, ShopTransaction } from './transaction.ts'

/** Records by topic, in the order they are to be appended. */
export type Records = Map<string, LogRecord[]>

export interface Emission {
  connector: Connector
  binlog: BinlogState
  records: Records
  /** The client's connection, as the server numbers it. */
  thread: number
  /** Of every event but those of a changed key. */
  headers: string
}

export const formats: ReadonlyMap<string, RowFormat> = new Map(shopTables.map(table => [table.name, rowFormat(table)]))

export function addRecord(records: Records, topic: string, record: LogRecord): void {
  const list = records.get(topic)
  if (list) list.push(record)
  else records.set(topic, [record])
}

export function rowTopic({ name, database }: Pick<Connector, 'name' | 'database'>, table: string): string {
  return `${name}.${database}.${table}`
}

/** The rows alone, as they stand after the transaction. */
export function addRows(records: Records, { changes }: ShopTransaction): void {
  for (const { table, before, after } of changes) {
    const format = formats.get(table)!
    const key = before && format.key(before)
    const newKey = after && format.key(after)
    if (key !== undefined && key !== newKey) addRecord(records, tableTopic(table), { key, value: null })
    if (after) addRecord(records, tableTopic(table), { key: newKey!, value: format.text(after) })
  }
}

/** Adds what Debezium would publish about a transaction committed at `time` (microseconds). */
export function addEvents(emission: Emission, { changes }: ShopTransaction, time: number): void {
  const { connector, binlog, records } = emission
  beginTransaction(binlog)
  const gtid = gtidText(binlog)
  const timestamp = Math.floor(time / 1000)
  const mark = { key: `{"id":"${gtid}"}`, timestamp }
  const transactionTopic = `${connector.name}.transaction`
  addRecord(records, transactionTopic, { ...mark, value: beginMessage(gtid, time) })
  const counts = new Map<string, number>()
  let total = 0
  for (const group of statements(changes)) {
    const sizes = group.map(({ before, after }) => rowBytes(before) + rowBytes(after))
    const places = rowPositions(binlog, sizes)
    for (const [index, change] of group.entries()) {
      const name = `${connector.database}.${change.table}`
      const at = { ...places[index]!, file: binlogFile(binlog), gtid, table: change.table, thread: emission.thread }
      const origin: Origin = { ...at, time, snapshot: null }
      for (const event of eventsOf(change)) {
        total++
        const collection = (counts.get(name) ?? 0) + 1
        counts.set(name, collection)
        const { op, before, after } = event
        const value = rowMessage(connector, origin, { op, before, after, order: { total, collection }, emitted: time + total })
        const headers = event.header ? contextHeaders(connector, event.header) : emission.headers
        addRecord(records, rowTopic(connector, change.table), { key: event.key, value, headers, timestamp })
      }
    }
  }
  endTransaction(binlog)
  addRecord(records, transactionTopic, { ...mark, value: endMessage(gtid, time, counts) })
}

interface ChangeEvent {
  op: 'c' | 'u' | 'd'
  key: string
  before: string | null
  after: string | null
  header?: readonly [string, string]
}

function eventsOf({ table, before, after }: Change): ChangeEvent[] {
  const format = formats.get(table)!
  const oldImage = before ? format.streamed(before) : null
  const newImage = after ? format.streamed(after) : null
  const oldKey = before && format.key(before)
  const newKey = after && format.key(after)
  if (oldKey === undefined) return [{ op: 'c', key: newKey!, before: null, after: newImage }]
  if (newKey === undefined) return [{ op: 'd', key: oldKey, before: oldImage, after: null }]
  if (oldKey === newKey) return [{ op: 'u', key: newKey, before: oldImage, after: newImage }]
  return [
    { op: 'd', key: oldKey, before: oldImage, after: null, header: ['__debezium.newkey', newKey] },
    { op: 'c', key: newKey, before: null, after: newImage, header: ['__debezium.oldkey', oldKey] },
  ]
}

/** Changes that one statement makes: neighbours of the same table and operation, but each update by itself. */
function statements(changes: readonly Change[]): Change[][] {
  const groups: Change[][] = []
  for (const change of changes) {
    const last = groups.at(-1)
    if (last && change.op !== 'update' && last[0]!.op === change.op && last[0]!.table === change.table) last.push(change)
    else groups.push([change])
  }
  return groups
}

/** About what a row image takes in the binlog. */
function rowBytes(row: Row | undefined): number {
  if (!row) return 0
  let bytes = 4
  for (const name in row) {
    const value = row[name]
    bytes += typeof value === 'string' ? value.length + 1 : 4
  }
  return bytes
}
