// The views of a query about now: tables at their newest version, and `<table>_live`: silver joined with the tail of bronze.
// Guarantee: a live view has silver's columns and masks, and at most one row a key.
import type { Lakehouse } from '../lake/lakehouse.ts'
import { id, join, type Sql, sql } from '../lake/sql.ts'
import { type LakeTable, resolveTable } from './catalog.ts'
import type { LiveTail, ReadTail } from './derived.ts'
import type { TableReference } from './references.ts'
import { keyOf, type PlannedView, type Registry, readRows, storedView } from './register.ts'
import { SqlError } from './sql-error.ts'
import { liveRows, viewOf } from './views.ts'

export interface NowOptions {
  lake: Lakehouse
  all: readonly LakeTable[]
  tail: ReadTail | undefined
  /** Holds the tails until the query has taken them. */
  held: AsyncDisposableStack
}

/** Throws SQL_UNKNOWN_TABLE, SQL_LIVE_UNAVAILABLE, and what reading a tail throws. */
export async function viewsNow(options: NowOptions, references: readonly TableReference[]): Promise<PlannedView[]> {
  const views: PlannedView[] = []
  for (const place of references) {
    const live = liveTable(place, options.all)
    const view = live ? await liveView(options, place, live) : await newestView(options, place)
    if (view) views.push(view)
  }
  return views
}

async function newestView({ lake, all }: NowOptions, place: TableReference): Promise<PlannedView | undefined> {
  const table = resolveTable(place, all)
  if (!table) return undefined
  const snapshot = await lake.current(table.path)
  if (!snapshot) throw new SqlError('SQL_UNKNOWN_TABLE', `${place.schema}.${place.table}: the table is gone`)
  return storedView(place, { table, snapshot, key: await keyOf(lake, table, snapshot) })
}

const suffix = '_live'

/** The source table that `silver.<table>_live` means; undefined for any other name, and for a table that is really called so. */
export function liveTable({ schema, table }: TableReference, all: readonly LakeTable[]): LakeTable | undefined {
  if (schema.toLowerCase() !== 'silver' || !table.toLowerCase().endsWith(suffix)) return undefined
  if (found({ schema, table }, all)) return undefined
  const name = table.slice(0, -suffix.length)
  // A table may be in bronze and not in silver yet.
  const silver = found({ schema: 'silver', table: name }, all)
  return silver ?? found({ schema: 'bronze', table: name }, all)
}

function found(reference: TableReference, all: readonly LakeTable[]): LakeTable | undefined {
  try {
    return resolveTable(reference, all)
  } catch (error) {
    if (error instanceof SqlError) return undefined
    throw error
  }
}

async function liveView({ tail, held }: NowOptions, place: TableReference, table: LakeTable): Promise<PlannedView | undefined> {
  const name = `${place.schema}.${place.table}`
  if (!tail) {
    throw new SqlError(
      'SQL_LIVE_UNAVAILABLE',
      `${name}: a live view masks new events itself, so it needs the masking policy and its keys: set policy.file (BINLAKE_POLICY)`,
    )
  }
  const read = table.database === undefined ? undefined : await tail({ database: table.database, table: table.name })
  if (!read) throw new SqlError('SQL_LIVE_UNAVAILABLE', `${name}: only tables of the source that bronze holds have a live view`)
  held.use(read)
  return {
    place,
    columns: read.fields.map(field => field.name),
    make: registry => makeLive(registry, place, { table, tail: read }),
  }
}

async function makeLive(
  registry: Registry,
  place: TableReference,
  { table, tail }: { table: LakeTable; tail: LiveTail },
): Promise<void> {
  const columns = tail.fields.map(({ name }) => name)
  const names = join(columns.map(name => id(name)))
  let changes: Sql | undefined
  if (tail.changes) {
    changes = id('main', `${place.table} tail`)
    // Read now: the file goes, and the query may read none of its own.
    await registry.duck.run(sql`CREATE TABLE ${changes} AS SELECT * FROM read_parquet(${tail.changes})`)
  }
  const base = tail.silver && {
    table: { ...table, zone: 'silver' as const, path: tail.path },
    snapshot: tail.silver,
  }
  const silver = base && (await readRows(registry, place, { ...base, only: base.snapshot.fields.map(({ name }) => name) }))
  const rows = liveRows({ silver: silver?.rows, tail: changes, key: tail.key })
  await registry.duck.run(
    viewOf({
      schema: place.schema,
      name: place.table,
      rows: sql`(SELECT ${names} FROM ${rows})`,
      columns: [],
      copy: silver?.copy ?? false,
    }),
  )
}
