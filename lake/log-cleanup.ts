// Log clean-up: commits that a newer checkpoint stands for leave the log once they are older than it is to reach back (lake-spec §3.8).
// Guarantee: nothing goes before a checkpoint that was read just now; that checkpoint's own commit and all after it stay.
import { checkpoint, moveHint } from './checkpoint.ts'
import type { Duck } from './duckdb.ts'
import { each } from './each.ts'
import { failPoint } from './fail-point.ts'
import { intervalMs } from './interval.ts'
import { loadSnapshot } from './log.ts'
import { logFile } from './path.ts'
import { readCheckpoint } from './read-checkpoint.ts'
import type { Snapshot } from './snapshot.ts'
import type { Table } from './table.ts'

export interface CleanUpOptions {
  /** Milliseconds since 1970; default: the clock. */
  now?: number | undefined
  /** Milliseconds that commits stay; default: the table's `delta.logRetentionDuration`, or 30 days. */
  retention?: number | undefined
  /** This version and all after it stay, because someone still reads their commits; default: no such wish. */
  needed?: number | undefined
  /** But nobody waits for commits older than this many milliseconds; default: for ever. */
  patience?: number | undefined
  dryRun?: boolean | undefined
  signal?: AbortSignal | undefined
}

export interface CleanedUp {
  /** Objects in the log before, and how many of them went (or would). */
  before: { objects: number; bytes: number }
  deleted: { objects: number; bytes: number }
  /** The oldest version whose commit is still there. */
  from: number
}

interface LogObject {
  path: string
  version: number
  kind: 'commit' | 'checkpoint' | 'other'
  size: number
  modified: number
}

/** A checkpoint, and how many actions it holds (not told of a dry run). */
interface Start {
  version: number
  actions: number
}

const day = 86_400_000
const defaultRetention = 30 * day
/** A checkpoint so many versions before the last one that may go is good enough; and for less, none is made. */
const near = { checkpoint: 50, beginning: 10 }
const parallel = 16

/** Milliseconds that the table keeps commits. */
export function logRetention(snapshot: Snapshot): number {
  return intervalMs(snapshot.metaData.configuration['delta.logRetentionDuration'] ?? '') ?? defaultRetention
}

/** The midnight (UTC) before `now` less the retention: commits up to then may go. As Delta does, so that it changes once a day. */
export function logCutoff(retention: number, now: number): number {
  return Math.floor((now - retention) / day) * day
}

/** Deletes what may go, oldest first; a crash leaves a log that is whole from some older version on. Throws the store's errors, LAKE_CORRUPT_LOG. */
export async function cleanUpLog(duck: Duck, table: Table, snapshot: Snapshot, options: CleanUpOptions = {}): Promise<CleanedUp> {
  const objects = await listed(table)
  const commits = objects.filter(({ kind }) => kind === 'commit').sort((a, b) => a.version - b.version)
  const before = sum(objects)
  const from = commits[0]?.version ?? snapshot.version
  const last = lastToGo(commits, snapshot, options)
  const start = last === undefined ? undefined : await startingPoint(duck, table, objects, { last, dryRun: options.dryRun })
  if (!start) return { before, deleted: sum([]), from }
  const gone = objects.filter(({ version }) => version < start.version).sort((a, b) => a.version - b.version)
  if (options.dryRun) return { before, deleted: sum(gone), from: Math.min(start.version, snapshot.version) }
  // Who still holds a version that goes learns from the hint that there are newer ones; a crash may have left it behind.
  await moveHint(table, { version: start.version, size: start.actions })
  const deleted = await deleteAll(table, gone, options.signal)
  return { before, deleted: sum(deleted), from: deleted.length === gone.length ? start.version : from }
}

/** The newest version up to which a checkpoint may stand for the commits: old enough, and its followers are all that is needed. */
function lastToGo(
  commits: readonly LogObject[],
  snapshot: Snapshot,
  {
    now = Date.now(),
    retention = logRetention(snapshot),
    needed = Number.POSITIVE_INFINITY,
    patience = Number.POSITIVE_INFINITY,
  }: CleanUpOptions,
): number | undefined {
  const aged = (moment: number) => newestUpTo(commits, moment)
  const old = aged(logCutoff(retention, now))
  if (old === undefined) return undefined
  return Math.min(old, Math.max(needed, aged(now - patience) ?? -1))
}

/** By the objects' times, each taken to be no earlier than the one before. */
function newestUpTo(commits: readonly LogObject[], moment: number): number | undefined {
  let newest: number | undefined
  for (const { version, modified } of commits) {
    if (modified > moment) break
    newest = version
  }
  return newest
}

/** The checkpoint that will be the log's beginning; made if there is none near. Undefined: nothing may go. */
async function startingPoint(
  duck: Duck,
  table: Table,
  objects: readonly LogObject[],
  { last, dryRun }: { last: number; dryRun: boolean | undefined },
): Promise<Start | undefined> {
  const first = Math.min(...objects.filter(({ kind }) => kind === 'commit').map(({ version }) => version))
  if (last <= first) return undefined
  const there = objects.filter(({ kind, version }) => kind === 'checkpoint' && version <= last).map(({ version }) => version)
  const newest = Math.max(-1, ...there)
  if (newest > first && last - newest <= near.checkpoint)
    return dryRun ? { version: newest, actions: 0 } : readable(table, newest)
  if (last - first < near.beginning) return undefined
  if (dryRun) return { version: last, actions: 0 }
  const snapshot = await loadSnapshot(table, { version: last })
  if (!snapshot) return undefined
  await checkpoint(duck, table, snapshot)
  return readable(table, last)
}

async function readable(table: Table, version: number): Promise<Start | undefined> {
  const read = await readCheckpoint(table, { version })
  // Protocol and metadata are two more.
  return read && { version, actions: read.adds.length + read.removes.length + read.txns.length + 2 }
}

/** Checkpoints first: without them no reader tries to start among commits that are half gone. */
async function deleteAll(table: Table, gone: readonly LogObject[], signal: AbortSignal | undefined): Promise<LogObject[]> {
  const deleted: LogObject[] = []
  const remove = async (object: LogObject) => {
    if (signal?.aborted) return
    await table.store.delete(object.path)
    deleted.push(object)
    failPoint('cleanup:deleted-one')
  }
  await each(
    gone.filter(({ kind }) => kind === 'checkpoint'),
    parallel,
    remove,
  )
  await each(
    gone.filter(({ kind }) => kind !== 'checkpoint'),
    parallel,
    remove,
  )
  return deleted
}

/** Everything in the log that belongs to one version, whoever wrote it; what is not named by a version stays. */
async function listed(table: Table): Promise<LogObject[]> {
  const found: LogObject[] = []
  for await (const { path, size, modified } of table.store.list(`${table.path}/_delta_log/`)) {
    const file = logFile(path)
    const version = file?.version ?? Number(/\/(\d{20})\.crc$/.exec(path)?.[1] ?? Number.NaN)
    const kind = file?.kind === 'commit' || file?.kind === 'checkpoint' ? file.kind : 'other'
    if (!Number.isNaN(version)) found.push({ path, version, kind, size, modified: modified.getTime() })
  }
  return found
}

function sum(objects: readonly LogObject[]): { objects: number; bytes: number } {
  return { objects: objects.length, bytes: objects.reduce((total, { size }) => total + size, 0) }
}
