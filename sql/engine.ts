// Queries over the lake: each runs on a small database of its own that holds only the tables the query names.
// Guarantee: a query reads the newest commits, no other file of this machine, and changes nothing.
import type { ObjectStore } from '../connectors/object-store.ts'
import { Duck, type DuckOptions } from '../lake/duckdb.ts'
import { each } from '../lake/each.ts'
import { Lakehouse } from '../lake/lakehouse.ts'
import { type Zone, zones } from '../lake/layout.ts'
import { dataPath } from '../lake/path.ts'
import { scan } from '../lake/scan.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { id, join, sql } from '../lake/sql.ts'
import { type LakeTable, listTables, resolveTable } from './catalog.ts'
import { type QueryOptions, type QueryResult, startQuery } from './query.ts'
import { type TableReference, tableReferences } from './references.ts'
import { SqlError } from './sql-error.ts'
import { isHistory, primaryKey, viewOf } from './views.ts'

export interface EngineOptions extends DuckOptions {
  /** Only these zones can be seen; default: all. */
  zones?: readonly Zone[]
}

export interface QueryEngine {
  /** The tables there are now. */
  tables(): Promise<LakeTable[]>
  /** The newest snapshot of a table; undefined if it was removed. */
  snapshot(table: LakeTable): Promise<Snapshot | undefined>
  /** Runs one query; dispose the result. Throws SqlError, the lake's and the store's errors. */
  query(text: string, options?: QueryOptions): Promise<QueryResult>
}

const parallel = 8

/** An engine over a store. It holds nothing open between queries. */
export function openEngine(store: ObjectStore, options: EngineOptions = {}): QueryEngine {
  const { zones: seen = zones, ...duckOptions } = options
  const lake = new Lakehouse(store)
  const tables = () => listTables(store, seen)
  const snapshot = (table: LakeTable) => lake.current(table.path)

  /** Makes the view of one table and returns the local files it reads. */
  async function register(duck: Duck, table: LakeTable, reference: TableReference): Promise<string[]> {
    const current = await snapshot(table)
    if (!current) throw new SqlError('SQL_UNKNOWN_TABLE', `${reference.schema}.${reference.table}: the table is gone`)
    const delta = lake.table(table.path)
    const columns = current.fields.map(field => field.name)
    const historyOf = isHistory(columns) ? await keyOf(table, current) : undefined
    const rows = await scan(delta, current)
    const files = await each([...current.files.values()], parallel, file => store.fetch(dataPath(delta, file.path)))
    // DuckDB takes such a path for a pattern and would look through folders, which is forbidden once the query runs.
    const copy = files.some(file => /[*?[]/.test(file))
    await duck.run(viewOf({ schema: reference.schema, name: reference.table, rows, columns, historyOf, copy }))
    return files
  }

  async function keyOf(table: LakeTable, current: Snapshot): Promise<string[] | undefined> {
    const own = primaryKey(current.metaData.configuration)
    if (own) return own
    const silver = await lake.current(table.path.replace(/_history$/, ''))
    return silver && primaryKey(silver.metaData.configuration)
  }

  async function query(text: string, queryOptions: QueryOptions = {}): Promise<QueryResult> {
    const duck = await Duck.open(duckOptions)
    try {
      const references = unique(await tableReferences(duck, text))
      const all = references.length > 0 ? await tables() : []
      await duck.run(
        join(
          seen.map(zone => sql`CREATE SCHEMA ${id(zone)}`),
          '; ',
        ),
      )
      const files: string[] = []
      for (const reference of references) {
        const table = resolveTable(reference, all)
        if (table) files.push(...(await register(duck, table, reference)))
      }
      await lockDown(duck, files)
    } catch (error) {
      await duck.close()
      throw error
    }
    return startQuery(duck, text, queryOptions)
  }

  return { tables, snapshot, query }
}

/** From here on the database reads these files only and no setting can be changed. */
async function lockDown(duck: Duck, files: readonly string[]): Promise<void> {
  await duck.run(sql`SET allowed_paths = ${files}`)
  await duck.run(sql`SET enable_external_access = false`)
  await duck.run(sql`SET lock_configuration = true`)
}

/** DuckDB takes upper and lower case for one name. */
function unique(references: readonly TableReference[]): TableReference[] {
  return [...new Map(references.map(one => [`${one.schema}\0${one.table}`.toLowerCase(), one])).values()]
}
