// What the simulation makes and the writers apply: one database transaction after another.
// Guarantee: values are as MySQL prints them, so `before` can be compared with what the server holds.
import type { TableName } from './tables.ts'

/** A value as MySQL prints it: integers and TINYINT(1) are numbers, all else (DECIMAL, times, ENUM) is text. */
export type Value = string | number | null

/** A row with every column of its table, in the table's order. */
export type Row = { readonly [column: string]: Value }

export interface Insert {
  readonly table: TableName
  readonly op: 'insert'
  readonly before?: undefined
  readonly after: Row
}

export interface Update {
  readonly table: TableName
  readonly op: 'update'
  readonly before: Row
  readonly after: Row
}

export interface Delete {
  readonly table: TableName
  readonly op: 'delete'
  readonly before: Row
  readonly after?: undefined
}

export type Change = Insert | Update | Delete

export interface ShopTransaction {
  /** The shop's own clock at commit. */
  readonly at: Date
  /** At least one, in the order the statements run: every foreign key holds after each of them. */
  readonly changes: readonly Change[]
}
