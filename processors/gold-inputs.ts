// What a gold model reads: the tables behind its names, each at one version, and their views for DuckDB.
// Guarantee: within one refresh all models see the same version of a silver table.
import type { Duck } from '../lake/duckdb.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { scan } from '../lake/scan.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { sql } from '../lake/sql.ts'
import { type LakeTable, listTables, resolveTable } from '../sql/catalog.ts'
import type { GoldModel } from '../sql/gold-models.ts'
import type { TableReference } from '../sql/references.ts'
import { SqlError } from '../sql/sql-error.ts'
import { primaryKey, viewOf } from '../sql/views.ts'

export interface GoldInput {
  reference: TableReference
  path: string
  snapshot: Snapshot
}

/** Finds inputs for one refresh after the other. Silver's names are listed once, and again while one is missing. */
export class GoldInputs {
  readonly #lake: Lakehouse
  #silver: LakeTable[] = []
  #versions = new Map<string, Snapshot | undefined>()

  constructor(lake: Lakehouse) {
    this.#lake = lake
  }

  /** Begins a refresh: looks for newer versions from here on. */
  begin(): void {
    this.#versions.clear()
  }

  /** The model's inputs, or the names of those that are not there (yet). */
  async of(model: GoldModel): Promise<{ inputs: GoldInput[]; missing: string[] }> {
    const inputs: GoldInput[] = []
    const missing: string[] = []
    for (const reference of model.inputs) {
      const path = reference.schema === 'gold' ? `gold/${reference.table}` : await this.#silverPath(reference)
      const snapshot = path === undefined ? undefined : await this.#snapshot(path)
      if (path === undefined || !snapshot) missing.push(`${reference.schema}.${reference.table}`)
      else inputs.push({ reference, path, snapshot })
    }
    return { inputs, missing }
  }

  /** Notes a version that this refresh has committed. */
  committed(path: string, snapshot: Snapshot): void {
    this.#versions.set(path, snapshot)
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
  for (const { reference, path, snapshot } of inputs) {
    const rows = await scan(lake.table(path), snapshot)
    const columns = snapshot.fields.map(({ name }) => name)
    const historyOf = primaryKey(snapshot.metaData.configuration)
    await duck.run(viewOf({ schema: reference.schema, name: reference.table, rows, columns, historyOf }))
  }
}

export async function dropViews(duck: Duck): Promise<void> {
  await duck.run(sql`DROP SCHEMA IF EXISTS silver CASCADE; DROP SCHEMA IF EXISTS gold CASCADE`)
}
