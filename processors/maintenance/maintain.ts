// What is done to one table of the lake so that it stays small and quick to open: properties, compaction, log clean-up, vacuum.
// Guarantee: what silver has yet to take of bronze stays readable; a crash at any step leaves the old state or the new one.

import { commit } from '../../lake/commit.ts'
import { compact } from '../../lake/compact.ts'
import { ConflictError } from '../../lake/conflict.ts'
import type { Duck } from '../../lake/duckdb.ts'
import { factsOf } from '../../lake/facts.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { nameOf, tablePath, tablePaths, type Zone, zones } from '../../lake/layout.ts'
import { readCommit } from '../../lake/log.ts'
import { type CleanedUp, cleanUpLog } from '../../lake/log-cleanup.ts'
import { dataPath } from '../../lake/path.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { boundsProperties } from '../../lake/stats.ts'
import { type Vacuumed, vacuum } from '../../lake/vacuum.ts'
import { bounded } from '../bronze.ts'
import { paths } from '../silver-parts.ts'
import type { TableName } from '../source-schema.ts'
import { takenBy } from '../taken.ts'
import { planTable } from './compaction-rule.ts'
import { type Retentions, retentionProperties } from './retention.ts'
import type { Untaken, UntakenFiles } from './untaken.ts'

/** A table to maintain. */
export interface Place {
  path: string
  zone: Zone
  /** The source table it belongs to; undefined in gold, and where bronze has none of that name. */
  name: TableName | undefined
}

export interface Maintained {
  lake: Lakehouse
  untaken: UntakenFiles
  retentions: Retentions
  /** Milliseconds that bronze's log waits for a silver that stands still. */
  patience: number
  /** Milliseconds a write may take from its first file to its commit. */
  longestWrite: number
  /** Bytes that the DuckDB of compaction may use. */
  memory: number
  /** Milliseconds since 1970. */
  now: () => number
  signal?: AbortSignal | undefined
}

export interface TableCompaction {
  before: { files: number; bytes: number }
  after: { files: number; bytes: number }
  dropped: number
}

/** All tables of the lake, each source table's together. */
export async function places(lake: Lakehouse): Promise<Place[]> {
  const found = await Promise.all(zones.map(zone => tablePaths(lake.store, zone)))
  const names = new Map(
    found[0]!.map(path => {
      const [, database = '', table = ''] = path.split('/')
      return [path.slice('bronze/'.length), { database: nameOf(database), table: nameOf(table) }] as const
    }),
  )
  const owner = (path: string) => {
    const place = path.slice(path.indexOf('/') + 1)
    return names.get(place) ?? names.get(place.replace(/_(history|deleted)$/, ''))
  }
  return zones.flatMap((zone, i) => found[i]!.map(path => ({ path, zone, name: zone === 'gold' ? undefined : owner(path) })))
}

/** Sets the zone's retention in the table's properties, if it says otherwise. True: it did, and has a new version. */
export async function applyRetention({ lake, retentions }: Maintained, place: Place, snapshot: Snapshot): Promise<boolean> {
  const { configuration: has } = snapshot.metaData
  // A table made before binlake set this: other engines would log bounds of any column.
  const bounds = 'delta.dataSkippingNumIndexedCols' in has ? {} : boundsProperties(place.zone === 'bronze' ? bounded : [])
  const configuration = { ...bounds, ...retentionProperties(retentions[place.zone]) }
  if (Object.entries(configuration).every(([key, value]) => has[key] === value)) return false
  try {
    const metaData = { fields: snapshot.fields, configuration }
    const set = { base: snapshot, mode: 'compaction', operation: 'SET TBLPROPERTIES', metaData } as const
    lake.committed(place.path, await commit(lake.table(place.path), set))
    return true
  } catch (error) {
    // Someone else changed the table's properties or columns; the next look sees what is left to do.
    if (error instanceof ConflictError) return false
    throw error
  }
}

/** Joins the table's small files where it pays, on a DuckDB of one thread, which keeps their order: `minFiles` neighbours or more, two in a bronze partition of a day gone by. Undefined: no such table. */
export async function compactTable(
  duck: Duck,
  maintained: Maintained,
  place: Place,
  { minFiles = 4, dryRun = false }: { minFiles?: number; dryRun?: boolean } = {},
): Promise<TableCompaction | undefined> {
  const { lake, now, memory, signal } = maintained
  const snapshot = await lake.current(place.path)
  if (!snapshot) return undefined
  const { files } = await untakenOf(maintained, place, snapshot)
  const { groups, sortBy, rowGroupSize } = planTable(place.zone, snapshot, { now: now(), leave: files, minFiles })
  const before = sizeOf(snapshot)
  if (dryRun) {
    const joined = groups.reduce((sum, group) => sum + group.length - 1, 0)
    return { before, after: { files: before.files - joined, bytes: before.bytes }, dropped: 0 }
  }
  const onCommit = (version: Snapshot) => void lake.committed(place.path, version)
  const done = await compact(duck, lake.table(place.path), snapshot, {
    groups,
    sortBy,
    sortable: memory,
    rowGroupSize,
    signal,
    onCommit,
  })
  return { before, after: sizeOf(done.snapshot), dropped: done.dropped }
}

/** Takes from the log what is older than its retention. Undefined: no such table, or one that must wait. */
export async function cleanTable(
  duck: Duck,
  maintained: Maintained,
  place: Place,
  { dryRun = false }: { dryRun?: boolean } = {},
): Promise<CleanedUp | undefined> {
  const { lake, now, signal } = maintained
  const snapshot = await lake.current(place.path)
  if (!snapshot || (await halfMerged(lake, place, snapshot))) return undefined
  const { needed, hasSilver } = await untakenOf(maintained, place, snapshot)
  // A table that no silver was ever made of waits for nobody: it will be built from what is live.
  const patience = hasSilver ? maintained.patience : 0
  const retention = maintained.retentions[place.zone].log
  return cleanUpLog(duck, lake.table(place.path), snapshot, { now: now(), retention, needed, patience, dryRun, signal })
}

/** When the first bronze commit was made that silver has not taken, milliseconds since 1970; undefined: it has taken all, or there is none. */
export async function waitingSince(maintained: Maintained, place: Place): Promise<number | undefined> {
  const { lake } = maintained
  const snapshot = place.zone === 'bronze' ? await lake.current(place.path) : undefined
  const { needed, hasSilver } = snapshot ? await untakenOf(maintained, place, snapshot) : nothing
  if (needed === undefined || !hasSilver) return undefined
  return (await readCommit(lake.table(place.path), needed))?.commitInfo?.timestamp
}

/** Deletes files that no version within the retention has. Undefined: no such table, or one that must wait. */
export async function vacuumTable(
  maintained: Maintained,
  place: Place,
  { retention = maintained.retentions[place.zone].files, ...options }: VacuumChoice = {},
): Promise<Vacuumed | undefined> {
  const { lake, now, signal, longestWrite } = maintained
  const snapshot = await lake.current(place.path)
  if (!snapshot || (await halfMerged(lake, place, snapshot))) return undefined
  const table = lake.table(place.path)
  const { files } = await untakenOf(maintained, place, snapshot)
  const keep = new Set([...files].map(path => dataPath(table, path)))
  return vacuum(table, snapshot, { now: now(), retention, longestWrite, keep, signal, ...options })
}

interface VacuumChoice {
  dryRun?: boolean
  /** Milliseconds, instead of the zone's. */
  retention?: number | undefined
  unsafe?: boolean
}

const nothing: Untaken = { needed: undefined, files: new Set(), hasSilver: false }

async function untakenOf({ lake, untaken }: Maintained, { zone, name, path }: Place, snapshot: Snapshot): Promise<Untaken> {
  if (zone !== 'bronze' || !name) return nothing
  return untaken.of(name, lake.table(path), snapshot)
}

/** A crash may have left history or markers a step ahead of silver; the next merge goes back to the version before that step. */
async function halfMerged(lake: Lakehouse, { zone, name, path }: Place, snapshot: Snapshot): Promise<boolean> {
  if (zone !== 'silver' || !name || path === paths(name).current) return false
  const [bronze, silver] = await Promise.all([lake.current(tablePath('bronze', name)), lake.current(paths(name).current)])
  return bronze !== undefined && takenBy(snapshot, bronze.metaData.id) > takenBy(silver, bronze.metaData.id)
}

function sizeOf(snapshot: Snapshot): { files: number; bytes: number } {
  const { files, bytes } = factsOf(snapshot)
  return { files, bytes }
}
