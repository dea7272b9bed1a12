// The tables of a lake and the names that SQL knows them by.
// Guarantee: a name means one table; where two databases share a name, only `zone."database.table"` is accepted.
import type { ObjectStore } from '../connectors/object-store.ts'
import { nameOf, tablePaths, type Zone, zones } from '../lake/layout.ts'
import { nearest } from './nearest.ts'
import type { TableReference } from './references.ts'
import { SqlError } from './sql-error.ts'

export interface LakeTable {
  zone: Zone
  /** Undefined in gold, whose tables belong to no source database. */
  database: string | undefined
  /** As in MySQL; silver's companions end in `_history`. */
  name: string
  /** The table's root in the store. */
  path: string
}

/** Every Delta table in these zones, by zone and path. Reads object names only. */
export async function listTables(store: ObjectStore, among: readonly Zone[] = zones): Promise<LakeTable[]> {
  const paths = await Promise.all(among.map(zone => tablePaths(store, zone)))
  return paths.flat().map(tableAt)
}

function tableAt(path: string): LakeTable {
  const [zone, ...parts] = path.split('/')
  const names = parts.map(nameOf)
  return { zone: zone as Zone, database: names.length > 1 ? names[0] : undefined, name: names.slice(-1)[0]!, path }
}

/** The names of one table in its schema, the shortest unambiguous first. */
export function namesOf(table: LakeTable, all: readonly LakeTable[]): string[] {
  const long = table.database === undefined ? [] : [`${table.database}.${table.name}`]
  const shared = all.some(other => other.zone === table.zone && other.path !== table.path && same(other.name, table.name))
  return shared && long.length > 0 ? long : [table.name, ...long]
}

/** A name as a person would type it: `silver.orders`, `silver."shop.orders"`. */
export function sqlName(table: LakeTable, all: readonly LakeTable[]): string {
  return `${table.zone}.${quoted(namesOf(table, all)[0]!)}`
}

/** The live views that a query may name: one for each source table in silver. */
export function liveNames(all: readonly LakeTable[]): string[] {
  const silver = all.filter(({ zone }) => zone === 'silver')
  const companion = (table: LakeTable) =>
    silver.some(
      ({ database, name }) => database === table.database && [`${name}_history`, `${name}_deleted`].includes(table.name),
    )
  return silver.filter(table => !companion(table)).map(table => sqlName({ ...table, name: `${table.name}_live` }, all))
}

/** Which table a query means. Undefined if the name belongs to no zone (a catalog of DuckDB's own). Throws SQL_UNKNOWN_TABLE with near names. */
export function resolveTable(reference: TableReference, all: readonly LakeTable[]): LakeTable | undefined {
  const { schema, table } = reference
  if (schema !== '' && !zones.some(zone => same(zone, schema))) return undefined
  if (schema !== '') {
    const here = all.filter(candidate => same(candidate.zone, schema))
    const matches = here.filter(candidate => namesOf(candidate, all).some(name => same(name, table)))
    const match = matches.length > 1 ? matches.find(candidate => namesOf(candidate, all).includes(table)) : matches[0]
    if (match) return match
  }
  throw new SqlError('SQL_UNKNOWN_TABLE', unknown(reference, all))
}

function unknown({ schema, table }: TableReference, all: readonly LakeTable[]): string {
  const asked = schema === '' ? quoted(table) : `${schema}.${quoted(table)}`
  const shared = all.filter(candidate => same(candidate.zone, schema) && same(candidate.name, table))
  if (shared.length > 1) {
    return `${asked}: several databases have a table of this name; say ${shared.map(one => sqlName(one, all)).join(' or ')}`
  }
  const equal = all.filter(one => same(one.name, table))
  const similar = () => nearest(table, new Set(all.map(one => one.name))).flatMap(name => all.filter(one => one.name === name))
  const near = (equal.length > 0 ? equal : similar()).sort((a, b) => Number(same(b.zone, schema)) - Number(same(a.zone, schema)))
  const names = near.slice(0, 4).map(one => sqlName(one, all))
  const hint = names.length > 0 ? `did you mean ${names.join(' or ')}?` : 'list the tables with `binlake tables`'
  const place = schema === '' ? 'tables are named with their zone' : 'no such table in the lake'
  return `${asked}: ${place}; ${hint}`
}

function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/i.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}
