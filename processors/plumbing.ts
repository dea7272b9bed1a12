// Tables of the source that only carry Debezium's own signals and heartbeats: nobody misses them in silver.
// Guarantee: pure; a table is taken for one by what Debezium documents, never by its rows.
import type { SourceTable } from './source-schema.ts'

/** Debezium's signal table, by its columns, and tables named for its signals, heartbeats and watermarks. */
export function isPlumbing({ table, columns }: SourceTable): boolean {
  const names = columns.filter(column => !column.dropped).map(column => column.name.toLowerCase())
  return names.join(' ') === 'id type data' || /^_*(dbz|debezium)[-_]?(signals?|heartbeats?|watermarks?)$/i.test(table)
}
