// What a description of a table for another engine is made from, and the names it may have there.
import { pathToFileURL } from 'node:url'

/** Where a table's folder lies. Paths have no slash at their ends but a local folder's first. */
export type Location =
  | { kind: 'local'; folder: string }
  | { kind: 'azure'; account: string /** `core.windows.net` */; suffix: string; container: string; prefix: string; path: string }
  | { kind: 'emulator'; endpoint: string; container: string; prefix: string; path: string }

export interface DdlTable {
  zone: string
  /** As `binlake sql` calls it in its zone: any characters. */
  name: string
  location: Location
  /** Key columns, if this is a history table. */
  historyKey?: readonly string[] | undefined
}

/** What to paste, or to run one by one. */
export interface Ddl {
  /** What a person must know or do before; without comment signs. */
  notes: string[]
  statements: string[]
}

/** A table with the names it gets in an engine. */
export interface Named {
  table: DdlTable
  name: string
  /** For a history: the view that closes its versions. */
  view: string | undefined
}

/** Gives each table a name of its own in its zone; `spell` makes one that the engine takes. Case does not tell names apart. */
export function named(tables: readonly DdlTable[], spell: (name: string) => string): Named[] {
  const used = new Set<string>()
  const fresh = (zone: string, wanted: string): string => {
    for (let n = 1; ; n++) {
      const name = n === 1 ? wanted : `${wanted}_${n}`
      const key = `${zone}/${name.toLowerCase()}`
      if (used.has(key)) continue
      used.add(key)
      return name
    }
  }
  const names = tables.map(table => ({ table, name: fresh(table.zone, spell(table.name)) }))
  return names.map(({ table, name }) => ({ table, name, view: table.historyKey ? fresh(table.zone, `${name}_view`) : undefined }))
}

/** A name of ASCII letters, digits and `_`, which is what metastores take. */
export function plainName(name: string): string {
  return name.replace(/\W/gu, '_').replace(/^(?=\d)/, '_')
}

export function zonesOf(tables: readonly DdlTable[]): string[] {
  return [...new Set(tables.map(({ zone }) => zone))]
}

/** The folder in the container, the lake's prefix included. */
export function folderOf({ prefix, path }: { prefix: string; path: string }): string {
  return prefix === '' ? path : `${prefix}/${path}`
}

/** `abfss://silver@account.dfs.core.windows.net/…`; only for a location on Azure. */
export function abfss(location: Location & { kind: 'azure' }): string {
  return `abfss://${location.container}@${location.account}.dfs.${location.suffix}/${folderOf(location)}`
}

/** A folder as a URL whose characters stand for themselves, as Hadoop reads them. */
export function hadoopFile(folder: string): string {
  return `file://${folder}`
}

/** A folder as a URL by the standard: what needs it is percent-encoded. */
export function fileUrl(folder: string): string {
  return pathToFileURL(folder).href
}
