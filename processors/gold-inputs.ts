// What a gold model reads: the tables behind its names, each at one version, and their views for DuckDB.
// Guarantee: within one refresh all models see the same version of a silver table.
import type { Logger } from 'pino'
import type { Duck } from '../lake/duckdb.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { nameOf, type QualifiedName, tablePath } from '../lake/layout.ts'
import { scan } from '../lake/scan.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { sql } from '../lake/sql.ts'
import { type LakeTable, listTables, resolveTable } from '../sql/catalog.ts'
import type { GoldModel } from '../sql/gold-models.ts'
import type { TableReference } from '../sql/references.ts'
import { SqlError } from '../sql/sql-error.ts'
import { primaryKey, viewOf } from '../sql/views.ts'
import { paths } from './silver-parts.ts'
import { placeKept, progressOf } from './transactions/cut-progress.ts'
import { type Seen, seenHistory, seenRows } from './transactions/seen-rows.ts'
import {
  type CutTable,
  cutAtTransactions,
  cutTableOf,
  newMemory,
  type WholeTransactions,
} from './transactions/whole-transactions.ts'

export interface GoldInput {
  reference: TableReference
  path: string
  snapshot: Snapshot
  /** In place of all that the snapshot holds: what may be seen of it yet, and the version that it stands on. */
  seen?: Seen
}

/** Finds inputs for one refresh after the other. Silver's names are listed once, and again while one is missing. */
export class GoldInputs {
  readonly #lake: Lakehouse
  #silver: LakeTable[] = []
  #versions = new Map<string, Snapshot | undefined>()
  #seen = new Map<string, Seen>()
  readonly #cuts = newMemory()
  #cutTables: readonly CutTable[] = []

  constructor(lake: Lakehouse) {
    this.#lake = lake
  }

  /** Begins a refresh: looks for newer versions from here on. */
  begin(): void {
    this.#versions.clear()
    this.#seen.clear()
  }

  /**
   * Lets all models of this refresh see whole transactions only. Returns what is seen, in words of the topic's; undefined: everything.
   * Tables without a history are seen as they are.
   */
  async cut(models: readonly GoldModel[], options: WholeTransactions & { duck: Duck; log: Logger }): Promise<string | undefined> {
    const names = new Map<string, QualifiedName>()
    for (const reference of models.flatMap(model => model.inputs)) {
      const path = reference.schema === 'gold' ? undefined : await this.#silverPath(reference)
      for (const name of path === undefined ? [] : tablesOf(path)) names.set(tablePath('silver', name), name)
    }
    const tables: CutTable[] = []
    for (const name of names.values()) {
      const at = paths(name)
      const [current, history] = [await this.#snapshot(at.current), await this.#snapshot(at.history)]
      const table = current && history && (await cutTableOf(this.#lake, name, { current, history }))
      if (table) tables.push(table)
    }
    this.#cutTables = tables
    if (tables.length === 0) return undefined
    const gold: Snapshot[] = []
    for (const { name } of this.#cuts.tables === '' ? models : []) {
      const snapshot = await this.#snapshot(`gold/${name}`)
      if (snapshot) gold.push(snapshot)
    }
    const kept = (topic: string, names: string) => placeKept(gold, topic, names, tables)
    const cut = await cutAtTransactions({ ...options, lake: this.#lake, memory: this.#cuts, tables, kept })
    for (const unseen of cut?.unseen.values() ?? []) {
      const at = paths(unseen.table.name)
      this.#seen.set(at.current, await seenRows(this.#lake, unseen))
      this.#seen.set(at.history, await seenHistory(this.#lake, unseen))
    }
    return this.#seen.size > 0 ? cut!.said : undefined
  }

  /** The model's inputs, or the names of those that are not there (yet). */
  async of(model: GoldModel): Promise<{ inputs: GoldInput[]; missing: string[] }> {
    const inputs: GoldInput[] = []
    const missing: string[] = []
    for (const reference of model.inputs) {
      const path = reference.schema === 'gold' ? `gold/${reference.table}` : await this.#silverPath(reference)
      const snapshot = path === undefined ? undefined : await this.#snapshot(path)
      if (path === undefined || !snapshot) missing.push(`${reference.schema}.${reference.table}`)
      else {
        const seen = this.#seen.get(path)
        inputs.push({ reference, path, snapshot, ...(seen ? { seen } : {}) })
      }
    }
    return { inputs, missing }
  }

  /** Notes a version that this refresh has committed. */
  committed(path: string, snapshot: Snapshot): void {
    this.#versions.set(path, snapshot)
  }

  /** What gold's commits keep of the cut of this refresh. */
  get progress(): { appId: string; version: bigint }[] {
    return progressOf(this.#cuts, this.#cutTables)
  }

  async #snapshot(path: string): Promise<Snapshot | undefined> {
    if (!this.#versions.has(path)) this.#versions.set(path, await this.#lake.current(path))
    return this.#versions.get(path)
  }

  async #silverPath(reference: TableReference): Promise<string | undefined> {
    const known = pathIn(this.#silver, reference)
    if (known !== undefined) return known
    this.#silver = await listTables(this.#lake.store, ['silver'])
    return pathIn(this.#silver, reference)
  }
}

/** The source tables that a silver table may be of: `orders_history` may also be a table itself. */
function tablesOf(path: string): QualifiedName[] {
  const [, database = '', table = ''] = path.split('/').map(nameOf)
  const stem = /^(.+)_(?:history|deleted)$/s.exec(table)?.[1]
  return [{ database, table }, ...(stem === undefined ? [] : [{ database, table: stem }])]
}

/** Undefined also for a name that two databases share: then the model must say which it means. */
function pathIn(tables: readonly LakeTable[], reference: TableReference): string | undefined {
  try {
    return resolveTable(reference, tables)?.path
  } catch (error) {
    if (error instanceof SqlError) return undefined
    throw error
  }
}

/** Makes the inputs' views in schemas `silver` and `gold`, alone there. A history has `_valid_to` and `_is_current`. */
export async function makeViews(duck: Duck, lake: Lakehouse, inputs: readonly GoldInput[]): Promise<void> {
  await dropViews(duck)
  await duck.run(sql`CREATE SCHEMA silver; CREATE SCHEMA gold`)
  // DuckDB guesses that a joined query has few rows and then compares all with all: 50 times slower at 50,000 rows.
  await duck.run(sql`SET asof_loop_join_threshold = 0`)
  for (const { reference, path, snapshot, seen } of inputs) {
    const rows = seen?.rows ?? (await scan(lake.table(path), snapshot))
    const columns = snapshot.fields.map(({ name }) => name)
    const historyOf = primaryKey(snapshot.metaData.configuration)
    await duck.run(viewOf({ schema: reference.schema, name: reference.table, rows, columns, historyOf }))
  }
}

export async function dropViews(duck: Duck): Promise<void> {
  await duck.run(sql`DROP SCHEMA IF EXISTS silver CASCADE; DROP SCHEMA IF EXISTS gold CASCADE`)
}
