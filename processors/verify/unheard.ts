// What MySQL has and the lake has not heard of, though the policy names it: tables, and columns of tables.
// Guarantee: only looks; names and no values.
import type { SourceColumnName } from '../../connectors/source-rows.ts'
import type { Keys } from '../../privacy/keys.ts'
import { compileMask } from '../../privacy/mask.ts'
import type { Policy } from '../../privacy/policy.ts'
import type { SourceColumn, SourceTable, TableName } from '../source-schema.ts'
import { nameOf } from '../table-name.ts'

interface By {
  policy: Policy
  keys: Keys
}

/** Tables that are not among the known ones, of the columns that MySQL has. */
export function unheardTables(
  columns: readonly SourceColumnName[],
  { known, ...by }: By & { known: readonly TableName[] },
): TableName[] {
  const names = new Set(known.map(nameOf))
  const tables = new Map(columns.map(({ database, table }) => [nameOf({ database, table }), { database, table }]))
  return [...tables.values()].filter(
    name =>
      !names.has(nameOf(name)) && compileMask(by.policy, { ...name, primaryKey: [], columns: [] }, by.keys).omitted === undefined,
  )
}

/** Columns of a known table that its newest known version has not. */
export function unheardColumns(all: readonly SourceColumnName[], schema: SourceTable, { policy, keys }: By): string[] {
  const newest = schema.timeline?.eras.at(-1)?.schema ?? schema
  const heard = new Set(newest.columns.map(({ name }) => name.toLowerCase()))
  const own = all.filter(({ database, table }) => database === schema.database && table === schema.table)
  const others = own.filter(({ column }) => !heard.has(column.toLowerCase()))
  if (others.length === 0) return []
  const columns = others.map(asText)
  const passed = compileMask(policy, { ...schema, primaryKey: [], columns }, keys).columns.map(({ source: name }) => name)
  return others.map(({ column }) => column).filter(name => passed.includes(name))
}

/** What type it has does not matter here. */
function asText({ column }: SourceColumnName, i: number): SourceColumn {
  return { name: column, typeName: 'LONGTEXT', optional: true, position: i + 1 }
}
