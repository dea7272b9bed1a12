// What `binlake tables --ddl` must know of each table.
import type { ObjectStore } from '../connectors/object-store.ts'
import { Lakehouse } from '../lake/lakehouse.ts'
import { type LakeTable, listTables, namesOf } from '../sql/catalog.ts'
import type { DdlTable } from '../sql/ddl/table.ts'
import { keyOf } from '../sql/register.ts'
import { askedTables, askedZones } from './asked-tables.ts'
import type { Config } from './config.ts'
import { tableLocation } from './table-location.ts'

/** The named tables and zones, or all. Looks only into the zones named, so that a reader of silver needs no right to bronze. Throws SQL_UNKNOWN_TABLE. */
export async function ddlTables(config: Config, store: ObjectStore, names: readonly string[]): Promise<DdlTable[]> {
  const all = await listTables(store, askedZones(names))
  const lake = new Lakehouse(store)
  const described = askedTables(all, names).map(table => describe(config, { lake, table, all }))
  return (await Promise.all(described)).filter(table => table !== undefined)
}

type Sought = { lake: Lakehouse; table: LakeTable; all: readonly LakeTable[] }

async function describe(config: Config, { lake, table, all }: Sought): Promise<DdlTable | undefined> {
  const snapshot = await lake.current(table.path)
  if (!snapshot) return undefined
  const isHistory = table.zone === 'silver' && table.name.endsWith('_history')
  const historyKey = isHistory ? await keyOf(lake, table, snapshot) : undefined
  return { zone: table.zone, name: namesOf(table, all)[0]!, location: tableLocation(config, table.path), historyKey }
}
