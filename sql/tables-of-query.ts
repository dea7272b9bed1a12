// The tables that a query may mean.
// Guarantee: only the zones that it names are looked into, so that a reader of gold needs no right to bronze.
import type { ObjectStore } from '../connectors/object-store.ts'
import type { Zone } from '../lake/layout.ts'
import { type LakeTable, listTables, resolveTable } from './catalog.ts'
import type { TableReference } from './references.ts'
import { SqlError } from './sql-error.ts'

/** The tables of the zones named among `zones`; of all of them if some name is found in none, for a live view's sake and to suggest another. */
export async function tablesOfQuery(
  store: ObjectStore,
  references: readonly TableReference[],
  zones: readonly Zone[],
): Promise<LakeTable[]> {
  const named = zones.filter(zone => references.some(({ schema }) => schema.toLowerCase() === zone))
  const tables = await listTables(store, named)
  try {
    for (const reference of references) resolveTable(reference, tables)
    return tables
  } catch (error) {
    if (!(error instanceof SqlError)) throw error
    // Without a right to the others the error is about the name, not about them.
    return listTables(store, zones).catch(() => tables)
  }
}
