// A table of the source as people, logs and messages call it.
import type { TableName } from './source-schema.ts'

/** `database.table`. */
export function nameOf({ database, table }: TableName): string {
  return `${database}.${table}`
}
