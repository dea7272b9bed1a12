// Where tables lie in a lake: `zone/database/table`, and `gold/name` (design, Layout).
// Guarantee: any name MySQL allows has exactly one path, and every path one name.
import type { ObjectStore } from '../connectors/object-store.ts'

export const zones = ['bronze', 'silver', 'gold', 'quarantine'] as const
export type Zone = (typeof zones)[number]

/** A database's table as it is called there. */
export interface QualifiedName {
  database: string
  table: string
}

/** Where a source table lives in a zone. `suffix` names silver's companions: `_history`, `_deleted`. */
export function tablePath(zone: Zone, { database, table }: QualifiedName, suffix = ''): string {
  return `${zone}/${pathPart(database)}/${pathPart(table)}${suffix}`
}

/** Letters, digits, `_`, `-` and `.` stay; the rest becomes `~hex`, byte by byte. */
export function pathPart(name: string): string {
  const plain = (byte: number) => /[\w.-]/.test(String.fromCharCode(byte))
  const escaped = [...Buffer.from(name)].map(byte => (plain(byte) ? String.fromCharCode(byte) : hex(byte)))
  return escaped.join('').replace(/^\.+/, dots => hex('.'.charCodeAt(0)).repeat(dots.length))
}

/** The inverse of `pathPart`. */
export function nameOf(part: string): string {
  const bytes = part
    .match(/~[0-9a-f]{2}|./g)
    ?.map(piece => (piece.length === 3 ? Number.parseInt(piece.slice(1), 16) : piece.charCodeAt(0)))
  return Buffer.from(bytes ?? []).toString()
}

/** The paths of all Delta tables in a zone, in order: gold's lie one folder down, the others' two. Costs a listing of folders, not of files. */
export async function tablePaths(store: ObjectStore, zone: Zone): Promise<string[]> {
  const tables = await store.folders(`${zone}/`)
  if (zone === 'gold')
    return withLog(
      store,
      tables.map(name => `${zone}/${name}`),
    )
  const databases = await Promise.all(
    tables.map(async name => (await store.folders(`${zone}/${name}/`)).map(table => `${zone}/${name}/${table}`)),
  )
  return withLog(store, databases.flat())
}

/** Leaves out folders in which nothing was ever committed, as a crash before a table's first commit leaves them. */
async function withLog(store: ObjectStore, paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(paths.map(path => store.folders(`${path}/`)))
  return paths.filter((_, i) => found[i]!.includes('_delta_log')).sort()
}

function hex(byte: number): string {
  return `~${byte.toString(16).padStart(2, '0')}`
}
