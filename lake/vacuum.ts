// Vacuum: data files that no version within the retention has are deleted (lake-spec §3.8).
// Guarantee: a live file, a file removed lately and a file written lately stay, whoever wrote them; `_delta_log` is not touched.
import type { ObjectInfo } from '../connectors/object-store.ts'
import { each } from './each.ts'
import { failPoint } from './fail-point.ts'
import { fileRetention } from './interval.ts'
import { LakeError } from './lake-error.ts'
import { loadSnapshot } from './log.ts'
import { dataPath } from './path.ts'
import type { Snapshot } from './snapshot.ts'
import type { Table } from './table.ts'

export interface VacuumOptions {
  /** Milliseconds since 1970; default: the clock. */
  now?: number | undefined
  /** Milliseconds that removed files stay; default: the table's `delta.deletedFileRetentionDuration`, or a week. */
  retention?: number | undefined
  /** Milliseconds that a write may take from its first file to its commit: files younger than this stay. */
  longestWrite?: number | undefined
  /** Allows a retention below an hour: a reader or a rebuild under way then loses its files. */
  unsafe?: boolean | undefined
  /** Objects that stay although the log does not ask for them. */
  keep?: ReadonlySet<string> | undefined
  dryRun?: boolean | undefined
  signal?: AbortSignal | undefined
}

export interface Vacuumed {
  /** Data files there before, live or not. */
  before: { files: number; bytes: number }
  /** Of these, what went (or would). */
  deleted: { files: number; bytes: number }
}

/** A reader opens its files within this time after it has read the log. */
export const leastRetention = 3_600_000
const sixHours = 21_600_000
const parallel = 16
/** Files deleted between two looks at the log. */
const lookAgain = 200

/** Deletes what may go. Throws LAKE_RETENTION_TOO_SHORT, and the store's errors. */
export async function vacuum(table: Table, snapshot: Snapshot, options: VacuumOptions = {}): Promise<Vacuumed> {
  const { now = Date.now(), longestWrite = sixHours, signal } = options
  const retention = options.retention ?? fileRetention(snapshot.metaData)
  if (retention < leastRetention && !options.unsafe) {
    throw new LakeError(
      'LAKE_RETENTION_TOO_SHORT',
      `${table.path}: with a retention of ${Math.round(retention / 60_000)} min a query or rebuild under way could lose its files; give an hour or more, or --unsafe`,
    )
  }
  const removedBefore = now - retention
  const writtenBefore = now - (options.unsafe ? retention : Math.max(retention, longestWrite))
  const found = await dataFiles(table, snapshot)
  const old = found.filter(({ modified }) => modified.getTime() < writtenBefore)
  const stays = async (objects: readonly ObjectInfo[], known: Snapshot) => {
    // Looked at again and again: a file that a rollback brings back meanwhile is live again.
    const newest = (await loadSnapshot(table, { known })) ?? known
    const kept = keptFiles(table, newest, removedBefore)
    return { newest, gone: objects.filter(({ path }) => !kept.has(path) && !options.keep?.has(path)) }
  }
  const { newest, gone } = await stays(old, snapshot)
  if (options.dryRun) return { before: sum(found), deleted: sum(gone) }
  await table.store.sweep(`${table.path}/`, new Date(writtenBefore))
  const deleted: ObjectInfo[] = []
  for (let at = 0, known = newest; at < gone.length && !signal?.aborted; at += lookAgain) {
    const still = await stays(gone.slice(at, at + lookAgain), known)
    known = still.newest
    await each(still.gone, parallel, async object => {
      if (signal?.aborted) return
      await table.store.delete(object.path)
      deleted.push(object)
      failPoint('vacuum:deleted-one')
    })
  }
  return { before: sum(found), deleted: sum(deleted) }
}

/** Objects that are live, or were until lately. A tombstone without a time is as old as can be. */
function keptFiles(table: Table, snapshot: Snapshot, removedBefore: number): Set<string> {
  const kept = new Set<string>()
  for (const path of snapshot.files.keys()) kept.add(dataPath(table, path))
  for (const { path, deletionTimestamp = 0 } of snapshot.tombstones.values())
    if (deletionTimestamp >= removedBefore) kept.add(dataPath(table, path))
  return kept
}

/** Everything below the table's root but its log and what is hidden: names with `_` or `.` first, unless they are a partition or change data. */
async function dataFiles(table: Table, { metaData }: Snapshot): Promise<ObjectInfo[]> {
  const found: ObjectInfo[] = []
  const root = `${table.path}/`
  for await (const object of table.store.list(root)) {
    const parts = object.path.slice(root.length).split('/')
    const hidden = parts.some(
      part =>
        (/^[_.]/.test(part) || part === 'metadata') &&
        part !== '_change_data' &&
        !metaData.partitionColumns.some(column => part.startsWith(`${column}=`)),
    )
    if (!hidden) found.push(object)
  }
  return found
}

function sum(objects: readonly ObjectInfo[]): { files: number; bytes: number } {
  return { files: objects.length, bytes: objects.reduce((total, { size }) => total + size, 0) }
}
