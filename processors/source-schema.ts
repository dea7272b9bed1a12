// What the source's tables look like, as Debezium's schema-change topic tells it; column types and masking build on it.
// Guarantee: an event is read whole or refused; nothing about a column is guessed.
import { renamedFrom } from './schema/renamed-from.ts'

/** A column as declared in MySQL. */
export interface SourceColumn {
  name: string
  /** Upper case, with its modifiers and without length: `INT UNSIGNED`, `DECIMAL`, `ENUM`. */
  typeName: string
  /** Characters, bytes, bits, digits of precision or fractional digits of a second, by type. Absent: MySQL's default. */
  length?: number
  /** Digits after the point. */
  scale?: number
  /** True if the column may hold NULL. */
  optional: boolean
  /** From 1, in table order. */
  position: number
  /** Labels of an ENUM or SET, without quotes, in declared order. */
  enumValues?: string[]
  charset?: string
  /** True if the table has it no longer: older events do. */
  dropped?: true
  /** What it was called before, by renames that no person approved: what the policy says of those names still counts. */
  formerly?: string[]
}

export interface SourceTable {
  database: string
  table: string
  /** In key order; empty for a table without a key. */
  primaryKey: string[]
  /** In table order. */
  columns: SourceColumn[]
  /** How events of earlier schemas are read; absent: all events are of this one. */
  timeline?: Timeline
}

/** Where in the source's log something happened. */
export interface Place {
  file: string | null
  pos: bigint | null
  gtid: string | null
  /** Database time, microseconds since 1970. */
  tsUs: bigint | null
}

/** A stretch of the log in which a table's events have one schema (cdc-spec §5). */
export interface Era {
  /** Of the schema version that began it. */
  id: string
  /** Its first place; absent: the beginning of all. */
  from?: Place
  /** As the source spelled it then. */
  schema: SourceTable
  /** By column of silver: what it is in an event of this era. A column that is not here is NULL. */
  reads: ReadonlyMap<string, { column: SourceColumn } | { fill: string }>
}

export interface Timeline {
  /** Oldest first; the last is in force. */
  eras: readonly Era[]
  /** The first era whose events are in silver; those before belong to a table that is no more. */
  generation: number
  /** True: places do not grow along the eras, because the source's numbering began anew; times decide. */
  byTime: boolean
  /** The numbers of GTIDs do not tell the order of transactions (gtid-order.ts). */
  unordered?: true
  /** By column of silver: the version it came with and what it gave rows from before. */
  births: ReadonlyMap<string, { id: string; fill: string | null }>
  /** A change that waits for a person; events from its place on wait as well. */
  held?: { id: string; from: Place; words: readonly string[] }
}

export type TableName = Pick<SourceTable, 'database' | 'table'>

export interface TableChange extends TableName {
  type: 'CREATE' | 'ALTER' | 'DROP'
  /** The table after the change; absent for DROP. */
  schema?: SourceTable
  /** The name before a rename. */
  previous?: TableName
}

export class SchemaChangeMalformed extends Error {
  readonly code = 'SCHEMA_CHANGE_MALFORMED'
  readonly retryable = false
  constructor(what: string) {
    super(`a schema-change event is not as Debezium writes it: ${what}; check include.schema.changes and the connector's version`)
    this.name = 'SchemaChangeMalformed'
  }
}

/**
 * The table changes of one event of Debezium's schema-change topic (`<topic.prefix>`), schemaless or `{schema, payload}`.
 * Statements that touch no table (SET, CREATE DATABASE) give an empty list. cdc-spec §1 and §5.
 */
export function tableChanges(value: unknown): TableChange[] {
  const event = object(value, 'its value')
  const payload = 'payload' in event && 'schema' in event ? object(event.payload, 'payload') : event
  if (payload.tableChanges === undefined || payload.tableChanges === null) return []
  if (!Array.isArray(payload.tableChanges)) throw new SchemaChangeMalformed('tableChanges is not a list')
  const database = typeof payload.databaseName === 'string' ? payload.databaseName : ''
  const ddl = typeof payload.ddl === 'string' ? payload.ddl : ''
  return payload.tableChanges.map(change => tableChange(object(change, 'an entry of tableChanges'), database, ddl))
}

function tableChange(change: Json, database: string, ddl: string): TableChange {
  const type = change.type
  if (type !== 'CREATE' && type !== 'ALTER' && type !== 'DROP')
    throw new SchemaChangeMalformed('type is not CREATE, ALTER or DROP')
  const names = tableNames(text(change.id, 'id'), database)
  const current = names.at(-1)!
  const result: TableChange = { type, ...current }
  if (change.table !== null && change.table !== undefined && type !== 'DROP') {
    result.schema = sourceTable(object(change.table, 'table'), current)
  }
  // Debezium documents a rename's id as `old,new` and 3.6 writes the new name only: the statement then has the old one.
  const previous =
    names.length > 1
      ? names[0]
      : type === 'ALTER'
        ? renamedFrom(ddl, { ...current, database: database || current.database })
        : undefined
  if (previous && (previous.database !== current.database || previous.table !== current.table)) result.previous = previous
  return result
}

function sourceTable(table: Json, name: TableName): SourceTable {
  const keys = table.primaryKeyColumnNames ?? []
  if (!Array.isArray(keys) || !Array.isArray(table.columns))
    throw new SchemaChangeMalformed('table has no list of columns or of key columns')
  const columns = table.columns.map(column => sourceColumn(object(column, 'a column')))
  columns.sort((a, b) => a.position - b.position)
  return { ...name, primaryKey: keys.map(key => text(key, 'a key column')), columns }
}

function sourceColumn(column: Json): SourceColumn {
  const position = column.position
  if (typeof position !== 'number') throw new SchemaChangeMalformed('a column has no position')
  const result: SourceColumn = {
    name: text(column.name, "a column's name"),
    typeName: text(column.typeName, "a column's typeName").toUpperCase(),
    optional: column.optional !== false,
    position,
  }
  if (typeof column.length === 'number' && column.length >= 0) result.length = column.length
  if (typeof column.scale === 'number' && column.scale >= 0) result.scale = column.scale
  if (typeof column.charsetName === 'string') result.charset = column.charsetName
  if (Array.isArray(column.enumValues)) result.enumValues = column.enumValues.map(label => withoutQuotes(text(label, 'a label')))
  return result
}

/** `"shop"."orders"`, `shop.orders`, `"shop"."old","shop"."new"`; a quote inside a quoted name is doubled. */
function tableNames(id: string, database: string): TableName[] {
  const names: string[][] = [[]]
  const part = /\s*(?:"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|([^.,"`]+))\s*([.,]|$)/y
  while (part.lastIndex < id.length) {
    const match = part.exec(id)
    if (!match) throw new SchemaChangeMalformed('id is not a table name')
    const [, quoted, ticked, bare, separator] = match
    names.at(-1)!.push(quoted?.replaceAll('""', '"') ?? ticked?.replaceAll('``', '`') ?? bare!.trim())
    if (separator === ',') names.push([])
  }
  return names.map(parts => {
    const table = parts.at(-1)
    if (!table) throw new SchemaChangeMalformed('id is not a table name')
    return { database: parts.length > 1 ? parts[0]! : database, table }
  })
}

function withoutQuotes(label: string): string {
  const match = /^(['"])(.*)\1$/s.exec(label)
  return match ? match[2]!.replaceAll(match[1]! + match[1]!, match[1]!) : label
}

type Json = Record<string, unknown>

function object(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SchemaChangeMalformed(`${what} is not an object`)
  return value as Json
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new SchemaChangeMalformed(`${what} is not text`)
  return value
}
