// The contract of a column type, and what its families share.
// Guarantee asked of each: the JSON way and the MySQL way give the same typed value, exact, or the statement fails.
import type { DeltaType } from '../../lake/schema.ts'
import { type Sql, sql, trusted } from '../../lake/sql.ts'
import type { SourceColumn } from '../source-schema.ts'

export interface ColumnType {
  delta: DeltaType
  /** DuckDB type of the field in the structure given to `json_transform_strict`. */
  jsonType: string
  /** Typed SQL from that field. A value that does not fit makes the statement fail; isolate it with `TRY(…)`. */
  fromJson(value: Sql): Sql
  /** Whether a field that is there means NULL: such a one is not given to `fromJson`. */
  meansNull?(value: Sql): Sql
  /**
   * MySQL (not DuckDB) expression that gives the column as text or NULL, in a session in UTC with utf8mb4. FLOAT and DOUBLE come as
   * numbers, whose text in JavaScript is exact.
   */
  selectMysql: string
  /** Typed SQL from the text that `selectMysql` gives. */
  fromMysql(text: Sql): Sql
  /** What to compare where silver is compared with MySQL; absent: the value itself. */
  comparable?(value: Sql): Sql
}

/** Makes the type of one column; families differ by type name, their members by length, scale and sign. */
export type Family = (column: SourceColumn) => ColumnType

export const mysqlName = (column: SourceColumn): string => `\`${column.name.replaceAll('`', '``')}\``
export const asChar = (column: SourceColumn): string => `CAST(${mysqlName(column)} AS CHAR)`
export const asHex = (column: SourceColumn): string => `HEX(${mysqlName(column)})`

/** A type whose JSON is text, the same that MySQL prints. */
export function viaText(column: SourceColumn, delta: DeltaType, typed: (text: Sql) => Sql): ColumnType {
  return { delta, jsonType: 'VARCHAR', fromJson: typed, selectMysql: asChar(column), fromMysql: typed }
}

/** `duck` is a type name written in this folder, or several in a row: `UBIGINT::BIGINT`. */
export function cast(value: Sql, duck: string): Sql {
  return sql`${value}::${trusted(duck)}`
}

/** `0x…` text of the first bytes of a hex text, last byte first: DuckDB casts it to an integer. */
export function littleEndian(hex: Sql, bytes: number): Sql {
  let text = sql`'0x'`
  for (let i = bytes - 1; i >= 0; i--) text = sql`${text} || substr(${hex}, ${2 * i + 1}, 2)`
  return sql`(${text})`
}
