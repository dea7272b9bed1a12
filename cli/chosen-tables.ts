// The tables that a command's arguments name, as `binlake tables` prints them.
import type { Lakehouse } from '../lake/lakehouse.ts'
import { nameOf } from '../lake/layout.ts'
import type { Place } from '../processors/maintenance/maintain.ts'

export interface ChosenTable extends Place {
  /** As SQL knows it: `silver.orders`. */
  shown: string
}

/** The named tables and those of named zones, in the order of the lake, or all. Throws SQL_UNKNOWN_TABLE with near names. */
export async function chosenTables(lake: Lakehouse, names: readonly string[]): Promise<ChosenTable[]> {
  const [{ listTables, sqlName }, { askedTables }, { places }] = await Promise.all([
    import('../sql/catalog.ts'),
    import('./asked-tables.ts'),
    import('../processors/maintenance/maintain.ts'),
  ])
  const [all, known] = await Promise.all([listTables(lake.store), places(lake)])
  const asked = new Set(askedTables(all, names).map(({ path }) => path))
  return known
    .filter(({ path }) => names.length === 0 || asked.has(path))
    .map(place => {
      const table = all.find(({ path }) => path === place.path)
      return { ...place, shown: table ? sqlName(table, all) : nameOf(place.path) }
    })
}
