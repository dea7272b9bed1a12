// A copy of silver and gold as they were at a point in time, written into another lake.
// Guarantee: the live lake is only read; the copy's tables appear whole, one commit each, and none is written over.
import type { Logger } from 'pino'
import { commit } from '../../lake/commit.ts'
import type { Duck, DuckOptions } from '../../lake/duckdb.ts'
import { factsOf } from '../../lake/facts.ts'
import { fileSize, filesFor } from '../../lake/file-size.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePaths, nameOf as textOf } from '../../lake/layout.ts'
import { loadSnapshot } from '../../lake/log.ts'
import { listLog } from '../../lake/log-list.ts'
import { scan } from '../../lake/scan.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { type Sql, sql } from '../../lake/sql.ts'
import { versionAt } from '../../lake/travel.ts'
import { writeFiles } from '../../lake/write-files.ts'
import type { GoldModel } from '../../sql/gold-models.ts'
import type { BinlogPoint, Point } from '../../sql/point.ts'
import { lastChanges, primaryKey } from '../../sql/views.ts'
import { refreshGold } from '../gold.ts'
import { paths } from '../silver-parts.ts'
import { nameOf } from '../table-name.ts'
import { findCuts } from './find-cuts.ts'
import { everyHistory } from './history.ts'

export interface RestoreOptions {
  duck: Duck
  duckOptions?: DuckOptions
  lake: Lakehouse
  to: Lakehouse
  point: Point
  gold: readonly GoldModel[]
  log: Logger
  /** `table` or `database.table`; default: all, and gold. */
  tables?: readonly string[]
  signal: AbortSignal
}

export interface Restored {
  /** What the point was taken for, and what was left out. */
  said: string[]
  tables: { path: string; rows: number }[]
}

/** The copy cannot be made there, or of that. */
export class RestoreRefused extends Error {
  readonly code = 'RESTORE_REFUSED'
  readonly retryable = false
}

/** Throws RestoreRefused, AsOfError, LAKE_VERSION_GONE and what stores throw. An interrupted copy is to be deleted and made anew. */
export async function restore(options: RestoreOptions): Promise<Restored> {
  const { lake, to, point } = options
  const there = (await Promise.all((['silver', 'gold'] as const).map(zone => tablePaths(to.store, zone)))).flat()
  if (to.store.url === lake.store.url || there.length > 0) {
    throw new RestoreRefused(
      `${to.store.url}: ${there.length > 0 ? `holds tables already (${there[0]})` : 'is the lake itself'}; a copy goes into an empty place of its own`,
    )
  }
  if (to.store.url.startsWith(`${lake.store.url.replace(/\/$/, '')}/`)) {
    throw new RestoreRefused(`${to.store.url}: is inside the lake; a copy goes into an empty place of its own`)
  }
  if (point.kind === 'version' && !options.tables?.length) {
    throw new RestoreRefused(
      "a Delta version is one table's own: name the tables, or give a time or a binlog point for all of them",
    )
  }
  const restored: Restored = { said: [], tables: [] }
  if (point.kind === 'version' || point.kind === 'instant') await restoreVersions(options, point, restored)
  else await restoreBinlog(options, point, restored)
  return restored
}

async function restoreVersions(options: RestoreOptions, point: Exclude<Point, BinlogPoint>, restored: Restored): Promise<void> {
  const { lake, signal } = options
  const all = [...(await tablePaths(lake.store, 'silver')), ...(await tablePaths(lake.store, 'gold'))]
  for (const table of options.tables ?? []) {
    if (!all.some(path => isChosen(path, { ...options, tables: [table] }))) {
      throw new RestoreRefused(`${table}: no such table in silver; \`binlake tables silver\` lists what there is`)
    }
  }
  for (const path of all.filter(one => isChosen(one, options))) {
    signal.throwIfAborted()
    const table = lake.table(path)
    if (point.kind === 'instant' && (await beganAfter(options, path, point.instant))) {
      restored.said.push(`${path}: did not exist then`)
      continue
    }
    const version = point.kind === 'version' ? point.version : await versionAt(table, point.instant)
    const snapshot = version === undefined ? undefined : await loadSnapshot(table, { version })
    if (!snapshot) continue
    restored.said.push(`${path}: version ${snapshot.version}, of ${new Date(snapshot.timestamp).toISOString()}`)
    await put(options, restored, {
      path,
      as: snapshot,
      rows: await scan(table, snapshot),
      cutBy: primaryKey(snapshot.metaData.configuration),
    })
  }
}

/** A version concerns the named tables alone: their companions have versions of their own. */
function isChosen(path: string, { tables, point }: RestoreOptions): boolean {
  if (!tables?.length) return true
  const [zone, ...names] = path.split('/').map(textOf)
  const stem = (name: string) => (point.kind === 'version' ? name : name.replace(/_(history|deleted)$/, ''))
  return (
    zone === 'silver' &&
    names.length === 2 &&
    tables.some(table => [stem(names[1]!), `${names[0]}.${stem(names[1]!)}`].includes(table))
  )
}

async function beganAfter({ lake }: RestoreOptions, path: string, instant: Date): Promise<boolean> {
  const { commits } = await listLog(lake.table(path))
  if (!commits.has(0)) return false
  const first = await loadSnapshot(lake.table(path), { version: 0 })
  return first !== undefined && first.timestamp > instant.getTime()
}

async function restoreBinlog(options: RestoreOptions, point: BinlogPoint, restored: Restored): Promise<void> {
  const { duck, duckOptions, lake, to, tables, gold, log, signal } = options
  const every = await everyHistory(lake)
  const known = every.map(({ name }) => nameOf(name)).join(', ')
  if (every.length === 0) throw new RestoreRefused('silver has no history, out of which a binlog point is answered')
  const isCalled = ({ name }: (typeof every)[number], table: string) => [name.table, nameOf(name)].includes(table)
  const unknown = tables?.find(table => !every.some(one => isCalled(one, table)))
  if (unknown !== undefined) throw new RestoreRefused(`${unknown}: no such table has a history in the lake; there are: ${known}`)
  const chosen = every.filter(one => !tables?.length || tables.some(table => isCalled(one, table)))
  const cut = await findCuts(lake, duckOptions)(
    point,
    chosen.map(({ name }) => name),
  )
  restored.said.push(...cut.said)
  for (const { name, path, snapshot } of chosen) {
    signal.throwIfAborted()
    const at = paths(name)
    const [current, deleted] = [await lake.current(at.current), await lake.current(at.deleted)]
    const key = primaryKey((current ?? snapshot).metaData.configuration)
    if (!key || !current) throw new RestoreRefused(`${path}: there is no silver table beside this history`)
    const happened = sql`(SELECT * FROM ${await scan(lake.table(path), snapshot)} WHERE ${cut.happened(name)})`
    const last = (as: Snapshot, live: boolean) =>
      lastChanges(happened, { key, columns: as.fields.map(field => field.name), live })
    await put(options, restored, { path, as: snapshot, rows: happened, cutBy: ['_seq'] })
    if (deleted) await put(options, restored, { path: at.deleted, as: deleted, rows: last(deleted, false), cutBy: key })
    await put(options, restored, { path: at.current, as: current, rows: last(current, true), cutBy: key })
  }
  if (tables?.length) return
  const summary = await refreshGold({ duck, lake: to, models: gold, log })
  for (const name of summary.committed)
    restored.tables.push({ path: `gold/${name}`, rows: factsOf((await to.current(`gold/${name}`))!).rows })
  restored.said.push(...summary.failed.map(({ model, reason }) => `gold.${model} could not be computed: ${reason}`))
}

/** Writes a table of the copy with the columns and properties of `as`, but without its progress: the copy has no bronze to go on from. */
async function put(
  { duck, to, point }: RestoreOptions,
  restored: Restored,
  { path, as, rows, cutBy }: { path: string; as: Snapshot; rows: Sql; cutBy: readonly string[] | undefined },
): Promise<void> {
  const { fields, metaData } = as
  const { bytes } = factsOf(as)
  const files = cutBy?.length ? filesFor(bytes, fileSize(bytes)) : 1
  const adds = await writeFiles(duck, to.table(path), { select: sql`SELECT * FROM ${rows}`, fields, files, cutBy: cutBy ?? [] })
  const snapshot = await commit(to.table(path), {
    base: undefined,
    mode: 'overwrite',
    operation: 'RESTORE',
    metaData: { fields, configuration: metaData.configuration, ...(metaData.name === undefined ? {} : { name: metaData.name }) },
    adds,
    userMetadata: JSON.stringify({ asOf: point.text }),
  })
  to.committed(path, snapshot)
  restored.tables.push({ path, rows: factsOf(snapshot).rows })
}
