// What each MySQL type is in JSON, in MySQL's own print and in a Delta table; clean, verify and the merge build their SQL on it.
// Guarantee: every type of the source is known or refused by name; none is guessed.
import type { ColumnType, Family } from './column-types/family.ts'
import { numbers } from './column-types/numbers.ts'
import { shapes } from './column-types/shapes.ts'
import { texts } from './column-types/texts.ts'
import { times } from './column-types/times.ts'
import type { SourceColumn, TableName } from './source-schema.ts'

export type { ColumnType } from './column-types/family.ts'

export class ColumnTypeUnknown extends Error {
  readonly code = 'COLUMN_TYPE_UNKNOWN'
  readonly retryable = false
  constructor(column: SourceColumn, table?: TableName) {
    const where = table ? `${table.database}.${table.table}.${column.name}` : column.name
    super(
      `column ${where} has type ${column.typeName}, which binlake cannot read exactly; exclude it (Debezium's column.exclude.list) or alter it`,
    )
    this.name = 'ColumnTypeUnknown'
  }
}

const families = new Map<string, Family>(Object.entries({ ...numbers, ...times, ...texts, ...shapes }))

/**
 * The type of a source column, under the connector settings of cdc-spec §4: decimals as strings, times in microseconds, bytes as
 * base64, BIGINT UNSIGNED as long. `table` completes the error's text.
 * @throws ColumnTypeUnknown
 */
export function columnType(column: SourceColumn, table?: TableName): ColumnType {
  const family = families.get(familyName(column.typeName))
  if (!family) throw new ColumnTypeUnknown(column, table)
  return family(column)
}

/** `int(10) unsigned zerofill` is INT, `VARCHAR BINARY` (a collation) is VARCHAR, `BINARY` stays. */
function familyName(typeName: string): string {
  const words = typeName
    .toUpperCase()
    .replace(/\(.*?\)/g, ' ')
    .split(/\s+/)
    .filter(word => word !== '' && !modifiers.has(word))
  return words.length > 1 && words.at(-1) === 'BINARY' ? words.slice(0, -1).join(' ') : words.join(' ')
}

const modifiers = new Set(['UNSIGNED', 'SIGNED', 'ZEROFILL'])
