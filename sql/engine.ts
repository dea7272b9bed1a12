// Queries over the lake: each runs on a small database of its own that holds only the tables the query names.
// Guarantee: a query reads the newest commits or the point it asks for, no other file of this machine, and changes nothing.
import type { ObjectStore } from '../connectors/object-store.ts'
import { Duck, type DuckOptions } from '../lake/duckdb.ts'
import { Lakehouse } from '../lake/lakehouse.ts'
import { type Zone, zones } from '../lake/layout.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { id, join, sql } from '../lake/sql.ts'
import { type LakeTable, listTables } from './catalog.ts'
import type { FindCut, GoldSource, ReadTail } from './derived.ts'
import type { Point } from './point.ts'
import { conditionsOf } from './predicates.ts'
import type { QueryReport } from './profile.ts'
import { type QueryOptions, type QueryResult, startQuery } from './query.ts'
import { referencesIn, syntaxTree, type TableReference } from './references.ts'
import type { Registry } from './register.ts'
import { tablesOfQuery } from './tables-of-query.ts'
import { viewsAsOf } from './views-as-of.ts'
import { viewsNow } from './views-now.ts'

export interface EngineOptions extends DuckOptions {
  /** Only these zones can be seen; default: all. */
  zones?: readonly Zone[]
  /** For `<table>_live`; without it such a name is refused. */
  tail?: ReadTail
  /** For points of the binlog; without it they are refused. */
  cut?: FindCut
  gold?: GoldSource
}

export interface EngineQueryOptions extends QueryOptions {
  /** Tables as they were then; default: now. */
  asOf?: Point | undefined
}

export interface QueryEngine {
  /** The tables there are now. */
  tables(): Promise<LakeTable[]>
  /** The newest snapshot of a table; undefined if it was removed. */
  snapshot(table: LakeTable): Promise<Snapshot | undefined>
  /** Runs one query; dispose the result. Throws SqlError, the lake's and the store's errors, and what finding a point or a tail throws. */
  query(text: string, options?: EngineQueryOptions): Promise<QueryResult & { report: QueryReport }>
}

/** An engine over a store. It holds nothing open between queries. */
export function openEngine(store: ObjectStore, options: EngineOptions = {}): QueryEngine {
  const { zones: seen = zones, tail, cut, gold, ...duckOptions } = options
  const lake = new Lakehouse(store)
  const tables = () => listTables(store, seen)
  const snapshot = (table: LakeTable) => lake.current(table.path)

  async function query(text: string, { asOf, ...queryOptions }: EngineQueryOptions = {}) {
    const started = performance.now()
    const report: QueryReport = { tables: [], fetchMs: 0, said: [] }
    await using held = new AsyncDisposableStack()
    const duck = await Duck.open(duckOptions)
    try {
      const tree = await syntaxTree(duck, text)
      const references = unique(referencesIn(tree))
      const all = asOf ? await tables() : await tablesOfQuery(store, references, seen)
      await duck.run(
        join(
          seen.map(zone => sql`CREATE SCHEMA ${id(zone)}`),
          '; ',
        ),
      )
      const views = asOf
        ? await viewsAsOf({ lake, all, point: asOf, cut, gold, said: report.said }, references)
        : await viewsNow({ lake, all, tail, held }, references)
      const columns = new Map(views.map(({ place, columns: names }) => [nameKey(place), names]))
      const conditions = conditionsOf(tree, place => columns.get(nameKey(place)))
      const files = new Set<string>()
      const registry: Registry = { duck, lake, conditions, files, reads: report.tables }
      for (const view of views) await view.make(registry)
      await lockDown(duck, [...files])
    } catch (error) {
      await duck.close()
      throw error
    }
    report.fetchMs = performance.now() - started
    return { ...(await startQuery(duck, text, queryOptions)), report }
  }

  return { tables, snapshot, query }
}

/** From here on the database reads these files only and no setting can be changed. */
async function lockDown(duck: Duck, files: readonly string[]): Promise<void> {
  await duck.run(sql`SET allowed_paths = ${files}`)
  await duck.run(sql`SET enable_external_access = false`)
  await duck.run(sql`SET lock_configuration = true`)
}

function nameKey({ schema, table }: TableReference): string {
  return `${schema}\0${table}`.toLowerCase()
}

/** DuckDB takes upper and lower case for one name. */
function unique(references: readonly TableReference[]): TableReference[] {
  return [...new Map(references.map(one => [nameKey(one), one])).values()]
}
