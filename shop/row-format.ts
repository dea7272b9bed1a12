// How a row stands in a Debezium event and in the embedded shop's own tables.
// Guarantee: as Debezium 3.6.1 writes it with our connector's settings (cdc-spec §4, §7), to the byte.
import type { Column, Table } from './tables.ts'
import { daysOf, microsOf } from './time.ts'
import type { Row, Value } from './transaction.ts'

export interface RowFormat {
  /** The event's key, e.g. `{"id":1}`. */
  key(row: Row): string
  /** `before` or `after` of an event from the binlog. */
  streamed(row: Row): string
  /** `after` of an event from a snapshot: fractions of a TIMESTAMP lose their trailing zeros. */
  scanned(row: Row): string
  /** A list of the columns' values as MySQL prints them, null or text. */
  text(row: Row): string
}

export function rowFormat({ columns, primaryKey }: Table): RowFormat {
  const keyColumns = columns.filter(({ name }) => primaryKey.includes(name))
  return {
    key: jsonObject(keyColumns, streamedTimestamp),
    streamed: jsonObject(columns, streamedTimestamp),
    scanned: jsonObject(columns, scannedTimestamp),
    text: row => `[${columns.map(({ name }) => textOrNull(row[name]!)).join()}]`,
  }
}

type Encode = (value: string | number) => string

function jsonObject(columns: readonly Column[], timestamp: (text: string) => string): (row: Row) => string {
  const fields = columns.map(({ name, type }, index) => {
    const before = `${index === 0 ? '{' : ','}${jsonText(name)}:`
    return { name, before, encode: encoder(type, timestamp) }
  })
  return row => {
    let json = ''
    for (const { name, before, encode } of fields) {
      const value = row[name]!
      json += before + (value === null ? 'null' : encode(value))
    }
    return `${json}}`
  }
}

function encoder(type: string, timestamp: (text: string) => string): Encode {
  if (/^(big|medium|small|tiny)?int/.test(type)) return String
  if (type.startsWith('timestamp')) return value => timestamp(String(value))
  if (type.startsWith('datetime')) return value => String(microsOf(String(value)))
  if (type === 'date') return value => String(daysOf(String(value)))
  return value => jsonText(String(value))
}

function streamedTimestamp(text: string): string {
  return `"${text.slice(0, 10)}T${text.slice(11)}Z"`
}

function scannedTimestamp(text: string): string {
  return streamedTimestamp(text.replace(/\.?0*$/, ''))
}

function textOrNull(value: Value): string {
  return value === null ? 'null' : jsonText(String(value))
}

const special = '["\\\\\\u0000-\\u001f\\ud800-\\udfff]'
const escaped = new RegExp(special)
const escapedEach = new RegExp(special, 'g')
const short: Record<string, string> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
}

/** A JSON string as Kafka Connect's converter writes it: characters beyond the BMP as escaped pairs, hex digits in capitals. */
export function jsonText(text: string): string {
  if (!escaped.test(text)) return `"${text}"`
  return `"${text.replace(escapedEach, unit => short[unit] ?? `\\u${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`)}"`
}
