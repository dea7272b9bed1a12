// The tables that a command's arguments name, as `binlake tables` prints them.

import type { Lakehouse } from '../lake/lakehouse.ts'
import { nameOf } from '../lake/layout.ts'
import type { Place } from '../processors/maintain.ts'

export interface ChosenTable extends Place {
  /** As SQL knows it: `silver.orders`. */
  shown: string
}

/** The named tables in the order of the lake, or all. Throws SQL_UNKNOWN_TABLE with near names. */
export async function chosenTables(lake: Lakehouse, names: readonly string[]): Promise<ChosenTable[]> {
  const [{ listTables, resolveTable, sqlName }, { places }] = await Promise.all([
    import('../sql/catalog.ts'),
    import('../processors/maintain.ts'),
  ])
  const [all, known] = await Promise.all([listTables(lake.store), places(lake)])
  const wanted = new Set(
    names.map(name => {
      const [, schema = '', rest = name] = /^([^.]*)\.(.*)$/s.exec(name) ?? []
      const table = /^".*"$/s.test(rest) ? rest.slice(1, -1).replaceAll('""', '"') : rest
      return (resolveTable({ schema, table }, all) ?? resolveTable({ schema: '', table }, all)!).path
    }),
  )
  return known
    .filter(({ path }) => wanted.size === 0 || wanted.has(path))
    .map(place => {
      const table = all.find(({ path }) => path === place.path)
      return { ...place, shown: table ? sqlName(table, all) : nameOf(place.path) }
    })
}
