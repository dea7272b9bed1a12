// The views of a query about the past: Delta versions for a version or a moment; for a point of the binlog, silver out of its history.
// Guarantee: at a binlog point all views show the same transactions; what cannot be shown exactly is refused with the reason.

import type { Lakehouse } from '../lake/lakehouse.ts'
import { type QualifiedName, tablePath } from '../lake/layout.ts'
import { loadSnapshot } from '../lake/log.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { type Sql, sql } from '../lake/sql.ts'
import { versionAt } from '../lake/travel.ts'
import { type LakeTable, resolveTable } from './catalog.ts'
import type { Cut, FindCut, GoldSource } from './derived.ts'
import type { BinlogPoint, Point } from './point.ts'
import type { TableReference } from './references.ts'
import { keyOf, type PlannedView, readRows, storedView } from './register.ts'
import { SqlError } from './sql-error.ts'
import { isHistory, lastChanges, viewOf } from './views.ts'
import { liveTable } from './views-now.ts'

export interface AsOfOptions {
  lake: Lakehouse
  all: readonly LakeTable[]
  point: Point
  cut: FindCut | undefined
  gold: GoldSource | undefined
  /** Gets what the point was taken for, in words. */
  said: string[]
}

/** Throws SQL_UNKNOWN_TABLE, SQL_REFUSED, LAKE_VERSION_GONE, and what finding a binlog point throws. */
export async function viewsAsOf(options: AsOfOptions, references: readonly TableReference[]): Promise<PlannedView[]> {
  const { point } = options
  const live = references.find(reference => liveTable(reference, options.all))
  if (live) throw new SqlError('SQL_REFUSED', `${live.schema}.${live.table}: a live view is always about now; leave out _live`)
  if (point.kind === 'version' || point.kind === 'instant') return versionViews(options, references, point)
  return binlogViews(options, references, point)
}

async function versionViews(
  { lake, all, said }: AsOfOptions,
  references: readonly TableReference[],
  point: Extract<Point, { kind: 'version' | 'instant' }>,
): Promise<PlannedView[]> {
  const views: PlannedView[] = []
  for (const place of references) {
    const table = resolveTable(place, all)
    if (!table) continue
    const name = `${place.schema}.${place.table}`
    const version = point.kind === 'version' ? point.version : await versionAt(lake.table(table.path), point.instant)
    const snapshot = version === undefined ? undefined : await loadSnapshot(lake.table(table.path), { version })
    if (!snapshot) throw new SqlError('SQL_UNKNOWN_TABLE', `${name}: the table is gone`)
    said.push(`${name}: version ${snapshot.version}, of ${new Date(snapshot.timestamp).toISOString()}`)
    views.push(storedView(place, { table, snapshot, key: await keyOf(lake, table, snapshot) }))
  }
  return views
}

/** A table of silver that a query at a binlog point reads. */
interface PastTable {
  place: TableReference
  table: LakeTable
  /** What the query sees of it. */
  role: 'current' | 'history' | 'deleted'
  source: QualifiedName
  history: Snapshot
  key: string[]
  columns: string[]
}

async function binlogViews(
  options: AsOfOptions,
  references: readonly TableReference[],
  point: BinlogPoint,
): Promise<PlannedView[]> {
  if (!options.cut) throw new SqlError('SQL_REFUSED', 'points of the binlog are not available here')
  const { places, models, whole } = await withInputs(options, references)
  const tables: PastTable[] = []
  for (const place of places) {
    const past = await pastTable(options, place)
    if (past) tables.push(past)
  }
  const sources = [...new Map(tables.map(({ source }) => [`${source.database}\0${source.table}`, source])).values()]
  const cut = await options.cut(point, sources)
  options.said.push(...cut.said)
  return [...tables.map(past => pastView(past, cut, { whole: whole.has(past.place) })), ...models]
}

/** The silver tables that the references need, `whole` those that a model reads, and views of the gold models among them, inputs before those that read them. */
async function withInputs(
  { gold, all }: AsOfOptions,
  references: readonly TableReference[],
): Promise<{ places: TableReference[]; models: PlannedView[]; whole: Set<TableReference> }> {
  const places = new Map<string, TableReference>()
  const whole = new Set<TableReference>()
  const wanted = new Set<string>()
  const models = gold ? await gold.models() : []
  const add = (reference: TableReference, ofModel = false) => {
    if (reference.schema.toLowerCase() !== 'gold') {
      const name = `${reference.schema}.${reference.table}`.toLowerCase()
      const place = places.get(name) ?? reference
      places.set(name, place)
      // The query's conditions on the table are not the model's.
      if (ofModel) whole.add(place)
      return
    }
    const name = reference.table.toLowerCase()
    const model = models.find(one => one.name === name)
    if (!model) {
      resolveTable(reference, all)
      throw new SqlError(
        'SQL_REFUSED',
        `gold.${reference.table}: no model of this name, so it cannot be computed for a binlog point`,
      )
    }
    if (wanted.has(name)) return
    for (const input of model.inputs) add(input, true)
    wanted.add(name)
  }
  for (const reference of references) add(reference)
  const views = [...wanted].map((name): PlannedView => {
    const model = models.find(one => one.name === name)!
    return {
      place: { schema: 'gold', table: name },
      columns: [],
      async make({ duck }) {
        await duck.run(viewOf({ schema: 'gold', name, rows: await gold!.rows(duck, model), columns: [] }))
      },
    }
  })
  return { places: [...places.values()], models: views, whole }
}

async function pastTable({ lake, all }: AsOfOptions, place: TableReference): Promise<PastTable | undefined> {
  const table = resolveTable(place, all)
  if (!table) return undefined
  const name = `${place.schema}.${place.table}`
  if (table.zone !== 'silver' || table.database === undefined) {
    throw new SqlError(
      'SQL_REFUSED',
      `${name}: a binlog point is answered out of silver's histories; ${table.zone} is read as of a version or a time`,
    )
  }
  const [, stem, suffix] = /^(.*?)(_history|_deleted)?$/s.exec(table.name)!
  // A source table may itself be called so.
  const companion =
    suffix !== undefined &&
    all.some(({ zone, database, name: other }) => zone === 'silver' && database === table.database && other === stem)
  const source = { database: table.database, table: companion ? stem! : table.name }
  const [history, own] = await Promise.all([lake.current(tablePath('silver', source, '_history')), lake.current(table.path)])
  if (!history || !own) {
    throw new SqlError(
      'SQL_REFUSED',
      `${name}: it has no history, so only its Delta versions can be asked for (a version or a time)`,
    )
  }
  const key = await keyOf(lake, table, history)
  if (!key) throw new SqlError('SQL_REFUSED', `${name}: its history does not name its key, so a binlog point cannot be answered`)
  const role = !companion ? 'current' : suffix === '_history' ? 'history' : 'deleted'
  return { place, table, role, source, history, key, columns: own.fields.map(field => field.name) }
}

function pastView(
  { place, table, role, source, history, key, columns }: PastTable,
  cut: Cut,
  { whole }: { whole: boolean },
): PlannedView {
  const computed = isHistory(columns) ? ['_valid_to', '_is_current'] : []
  return {
    place,
    columns: [...columns, ...computed],
    async make(registry) {
      const path = tablePath('silver', source, '_history')
      const stored = {
        table: { ...table, path },
        snapshot: history,
        only: whole ? [] : key,
        as: `silver.${source.table}_history`,
      }
      const { rows, copy } = await readRows(registry, place, stored)
      const happened = sql`(SELECT * FROM ${rows} WHERE ${cut.happened(source)})`
      const body: Sql = role === 'history' ? happened : lastChanges(happened, { key, columns, live: role === 'current' })
      const view = { schema: place.schema, name: place.table, rows: body, copy }
      await registry.duck.run(viewOf({ ...view, columns: role === 'history' ? columns : [], historyOf: key }))
    },
  }
}
