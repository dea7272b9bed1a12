// Which tables the words on a command line mean.
import { type Zone, zones } from '../lake/layout.ts'
import { type LakeTable, resolveTable } from '../sql/catalog.ts'

/** The named tables (`silver.orders`, `silver."shop.orders"`), those of named zones (`gold`), or all without names. Throws SQL_UNKNOWN_TABLE. */
export function askedTables(tables: readonly LakeTable[], names: readonly string[]): LakeTable[] {
  if (names.length === 0) return [...tables]
  const found = names.map(parsed).flatMap(({ schema, table }) => {
    if (table === undefined) return tables.filter(({ zone }) => zone === schema)
    // A name of no zone is refused like one without.
    return resolveTable({ schema, table }, tables) ?? resolveTable({ schema: '', table }, tables)!
  })
  return [...new Set(found)]
}

/** The zones in which those names can be; all without names, or if some name says none. */
export function askedZones(names: readonly string[]): readonly Zone[] {
  const schemas = names.map(name => parsed(name).schema)
  const known = zones.filter(zone => schemas.includes(zone))
  return names.length > 0 && schemas.every(schema => known.some(zone => zone === schema)) ? known : zones
}

function parsed(name: string): { schema: string; table?: string } {
  if (zones.some(zone => zone === name)) return { schema: name }
  const dot = name.indexOf('.')
  const table = name.slice(dot + 1)
  const plain = /^".*"$/s.test(table) ? table.slice(1, -1).replaceAll('""', '"') : table
  return { schema: dot < 0 ? '' : name.slice(0, dot), table: plain }
}
