// Makes one view that a query names, on the database made for that query.
// Guarantee: the query reads the files of that view and no others; files that its conditions rule out are not fetched.
import type { Add } from '../lake/actions.ts'
import type { Duck } from '../lake/duckdb.ts'
import { sizeOf } from '../lake/facts.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { prune } from '../lake/prune.ts'
import { fetchFiles, scan } from '../lake/scan.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import type { Sql } from '../lake/sql.ts'
import type { LakeTable } from './catalog.ts'
import type { Conditions } from './predicates.ts'
import type { TableRead } from './profile.ts'
import type { TableReference } from './references.ts'
import { isHistory, primaryKey, viewOf } from './views.ts'

/** One query's database, as it is being filled. */
export interface Registry {
  duck: Duck
  lake: Lakehouse
  conditions: Conditions
  /** Local files that the query may read. */
  files: Set<string>
  reads: TableRead[]
}

/** A view to make, its columns known before any is made: a condition may concern each of several tables. */
export interface PlannedView {
  /** Its name as the query spells it. */
  place: TableReference
  columns: readonly string[]
  make(registry: Registry): Promise<void>
}

export interface StoredTable {
  table: LakeTable
  snapshot: Snapshot
  /** The table's key, or that of the silver table that it is the history of. */
  key: readonly string[] | undefined
}

/** The view of a table at one version. */
export function storedView(place: TableReference, stored: StoredTable): PlannedView {
  const { snapshot, key } = stored
  const columns = snapshot.fields.map(({ name }) => name)
  const history = isHistory(columns)
  return {
    place,
    columns: history ? [...columns, '_valid_to', '_is_current'] : columns,
    async make(registry) {
      const { rows, copy } = await readRows(registry, place, { ...stored, only: history ? (key ?? []) : columns })
      const historyOf = history ? key : undefined
      await registry.duck.run(viewOf({ schema: place.schema, name: place.table, rows, columns, historyOf, copy }))
    },
  }
}

/** A table's rows for a view. Conditions count for columns in `only`: the versions of a key must be seen all or none. `as` is what the profile calls them. */
export async function readRows(
  registry: Registry,
  place: TableReference,
  { table, snapshot, only, as }: Pick<StoredTable, 'table' | 'snapshot'> & { only: readonly string[]; as?: string },
): Promise<{ rows: Sql; copy: boolean }> {
  const asked = registry.conditions(place).map(list => list.filter(({ column }) => only.includes(column)))
  const files = await prune(registry.duck, snapshot, asked)
  const delta = registry.lake.table(table.path)
  const rows = await scan(delta, snapshot, { files })
  const local = await fetchFiles(delta, snapshot, files)
  for (const file of local) registry.files.add(file)
  registry.reads.push(readOf(as ?? `${place.schema}.${place.table}`, snapshot, files))
  // DuckDB takes such a path for a pattern and would look through folders, which is forbidden once the query runs.
  return { rows, copy: local.some(file => /[*?[]/.test(file)) }
}

function readOf(table: string, snapshot: Snapshot, files: readonly Add[]): TableRead {
  const { rows, bytes } = sizeOf(files)
  return { table, version: snapshot.version, files: files.length, skipped: snapshot.files.size - files.length, bytes, rows }
}

/** The key of a table, or of the silver table beside a history. */
export async function keyOf(lake: Lakehouse, table: LakeTable, snapshot: Snapshot): Promise<string[] | undefined> {
  const own = primaryKey(snapshot.metaData.configuration)
  if (own || !isHistory(snapshot.fields.map(({ name }) => name))) return own
  const silver = await lake.current(table.path.replace(/_history$/, ''))
  return silver && primaryKey(silver.metaData.configuration)
}
