// The gold rows that one key of a silver table feeds: each model evaluated with the key and without it, and the two compared.
// Guarantee: sound for any model that gives the same rows for the same input; whatever it joins, sums or filters.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { scan } from '../../lake/scan.ts'
import { id, join, type Sql, sql, trusted } from '../../lake/sql.ts'
import type { GoldModel } from '../../sql/gold-models.ts'
import { primaryKey, viewOf } from '../../sql/views.ts'
import { dropViews, type GoldInput, GoldInputs } from '../gold-inputs.ts'
import { paths } from '../silver-parts.ts'
import type { TableName } from '../source-schema.ts'

export interface FedModel {
  model: string
  /** Rows of the model that would not be there, or not be so, without the key. */
  rows: number
  /** Rows that would be there instead. */
  instead: number
  /** Some of the former, as text by column; only if they were asked for. */
  examples?: Record<string, string | null>[]
  /** Why the model could not be evaluated. */
  failed?: string
}

export interface GoldOfKeyOptions {
  table: TableName
  key: readonly string[]
  models: readonly GoldModel[]
  values: boolean
}

/** How many rows of a model are shown. */
const shown = 5

/** Every model that reads the table, itself or through others, in their order. The key is that in temp table `asked_keys`. */
export async function goldOfKey(duck: Duck, lake: Lakehouse, options: GoldOfKeyOptions): Promise<FedModel[]> {
  const inputs = new GoldInputs(lake)
  inputs.begin()
  const at = paths(options.table)
  const own = new Set<string>(Object.values(at))
  const made = new Map<string, { as: Sql; without: Sql }>()
  const fed: FedModel[] = []
  // Views read it: it must not be a temporary table.
  await duck.run(sql`CREATE OR REPLACE TABLE explained_keys AS SELECT * FROM asked_keys`)
  try {
    for (const [nth, model] of options.models.entries()) {
      const { inputs: found, missing } = await inputs.of(model)
      const reads = found.some(({ path }) => own.has(path) || made.has(path))
      if (missing.length > 0 || !reads) continue
      const tables = { as: id(`gold with ${nth}`), without: id(`gold without ${nth}`) }
      try {
        for (const side of ['as', 'without'] as const) {
          await viewsFor(duck, lake, { found, side, made, own, key: options.key })
          await duck.run(sql`CREATE OR REPLACE TABLE ${tables[side]} AS SELECT * FROM ${trusted(`(${model.text}\n)`)}`)
        }
        made.set(`gold/${model.name}`, tables)
        fed.push({ model: model.name, ...(await compared(duck, tables, options.values)) })
      } catch (error) {
        const kind = /^[A-Z][\w ]* Error/.exec(error instanceof Error ? error.message : '')?.[0]
        if (!kind) throw error
        fed.push({ model: model.name, rows: 0, instead: 0, failed: kind })
      }
    }
  } finally {
    await dropViews(duck)
    for (const { as, without } of made.values()) await duck.run(sql`DROP TABLE ${as}; DROP TABLE ${without}`)
    await duck.run(sql`DROP TABLE explained_keys`)
  }
  return fed
}

interface Viewing {
  found: readonly GoldInput[]
  side: 'as' | 'without'
  made: ReadonlyMap<string, Record<'as' | 'without', Sql>>
  own: ReadonlySet<string>
  key: readonly string[]
}

/** The model's inputs as views, as they are or as they would be without the key. */
async function viewsFor(duck: Duck, lake: Lakehouse, { found, side, made, own, key }: Viewing): Promise<void> {
  await dropViews(duck)
  await duck.run(sql`CREATE SCHEMA silver; CREATE SCHEMA gold`)
  await duck.run(sql`SET asof_loop_join_threshold = 0`)
  for (const { reference, path, snapshot } of found) {
    const evaluated = made.get(path)
    const all = evaluated ? sql`(SELECT * FROM ${evaluated[side]})` : await scan(lake.table(path), snapshot)
    const rows =
      side === 'without' && own.has(path)
        ? sql`(SELECT * FROM ${all} ANTI JOIN explained_keys USING (${join(key.map(name => id(name)))}))`
        : all
    const columns = snapshot.fields.map(({ name }) => name)
    const historyOf = primaryKey(snapshot.metaData.configuration)
    await duck.run(viewOf({ schema: reference.schema, name: reference.table, rows, columns, historyOf }))
  }
}

async function compared(
  duck: Duck,
  { as, without }: Record<'as' | 'without', Sql>,
  values: boolean,
): Promise<Pick<FedModel, 'rows' | 'instead' | 'examples'>> {
  const only = (a: Sql, b: Sql) => sql`(SELECT * FROM ${a} EXCEPT ALL SELECT * FROM ${b})`
  const counts = await duck.row<{ rows: bigint; instead: bigint }>(
    sql`SELECT (SELECT count(*) FROM ${only(as, without)}) AS rows, (SELECT count(*) FROM ${only(without, as)}) AS instead`,
  )
  const [rows, instead] = [Number(counts!.rows), Number(counts!.instead)]
  if (!values || rows === 0) return { rows, instead }
  const examples = await duck.rows<Record<string, string | null>>(
    sql`SELECT COLUMNS(*)::VARCHAR FROM ${only(as, without)} ORDER BY ALL LIMIT ${shown}`,
  )
  return { rows, instead, examples }
}
