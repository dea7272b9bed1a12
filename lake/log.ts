// Reads a table's log: checkpoint, then the commits after it (lake-spec §3.7, §5).
// Guarantee: the steady state costs one GET of the next version; a cold start the hint, its checkpoint, one short list and the commits after it.
import { type Commit, parseCommit } from './actions.ts'
import { each } from './each.ts'
import { LakeError } from './lake-error.ts'
import { type CheckpointPlace, type LogListing, listFrom, listLog, reachable } from './log-list.ts'
import { commitPath, lastCheckpointPath } from './path.ts'
import { assertSupported } from './protocol.ts'
import { readCheckpoint } from './read-checkpoint.ts'
import { replay, type Snapshot } from './snapshot.ts'
import type { Table } from './table.ts'

/** Commits fetched at once. */
const parallel = 16

export interface LoadOptions {
  /** Time travel: this version, not the newest. */
  version?: number
  /** A snapshot of the same table to go on from: only newer commits are read. */
  known?: Snapshot | undefined
}

/**
 * The table's newest version, or the one asked for; undefined if there is no table.
 * Throws LAKE_UNSUPPORTED_TABLE, LAKE_CORRUPT_LOG, LAKE_VERSION_GONE (cleaned away, or not there yet).
 */
export async function loadSnapshot(table: Table, options: LoadOptions = {}): Promise<Snapshot | undefined> {
  try {
    const snapshot = options.version === undefined ? await newest(table, options.known) : await travel(table, options.version)
    if (snapshot && snapshot !== options.known) assertSupported(table.path, snapshot)
    return snapshot
  } catch (error) {
    // The pure files do not know which table they look at.
    if (!(error instanceof LakeError) || error.message.startsWith(table.path)) throw error
    throw new LakeError(error.code, `${table.path}: ${error.message}`, { retryable: error.retryable, cause: error })
  }
}

/**
 * Whether a snapshot may be one whose followers were cleaned from the log: then "no next version" would not mean "the newest".
 * Costs nothing while the table's last commit is younger than an hour, the least time any cleanup leaves.
 */
export async function leftBehind(table: Table, snapshot: Snapshot): Promise<boolean> {
  if (Date.now() - snapshot.timestamp < 3_600_000) return false
  const hint = await table.store.get(lastCheckpointPath(table))
  const place = hint && hinted(hint.toString('utf8'))
  return place !== undefined && place.version > snapshot.version
}

/** The commits of versions `from` and after, by probing: batches grow while they come back full. */
export async function commitsSince(table: Table, from: number): Promise<Commit[]> {
  const commits: Commit[] = []
  for (let size = 1; ; size = Math.min(size * 4, parallel * 4)) {
    const versions = Array.from({ length: size }, (_, i) => from + commits.length + i)
    const found = await each(versions, parallel, version => readCommit(table, version))
    const end = found.indexOf(undefined)
    commits.push(...(found.slice(0, end === -1 ? size : end) as Commit[]))
    if (end !== -1) return commits
  }
}

/** One version's commit, or undefined if it is not there. */
export async function readCommit(table: Table, version: number): Promise<Commit | undefined> {
  const bytes = await table.store.get(commitPath(table, version))
  if (!bytes) return undefined
  try {
    if (bytes.length === 0) throw new SyntaxError('empty')
    return parseCommit(version, bytes.toString('utf8'))
  } catch (cause) {
    throw new LakeError('LAKE_CORRUPT_LOG', `${commitPath(table, version)} is not a commit file: it is empty or cut off`, {
      cause,
    })
  }
}

/** When a version was committed, milliseconds since 1970: as its commit tells, else when its file was written. */
export async function commitTime(table: Table, { commits, checkpoints }: LogListing, version: number): Promise<number> {
  const written = commits.get(version) ?? checkpoints.find(checkpoint => checkpoint.version === version)!.modified
  return (await readCommit(table, version))?.commitInfo?.timestamp ?? written
}

async function newest(table: Table, known: Snapshot | undefined): Promise<Snapshot | undefined> {
  if (known) {
    const commits = await commitsSince(table, known.version + 1)
    if (commits.length > 0) return replay(known, commits)
    if (!(await leftBehind(table, known))) return known
  }
  return (await fromHint(table)) ?? (await fromList(table, await listLog(table), Number.POSITIVE_INFINITY))
}

/** Opens from the checkpoint that `_last_checkpoint` names, or a newer one that the listing shows; undefined if it cannot be trusted. */
async function fromHint(table: Table): Promise<Snapshot | undefined> {
  const bytes = await table.store.get(lastCheckpointPath(table))
  const hint = bytes && hinted(bytes.toString('utf8'))
  if (!hint) return undefined
  const [checkpoint, log] = await Promise.all([readCheckpoint(table, hint), listFrom(table, hint.version)])
  const newer = log.checkpoints.findLast(({ version }) => version > hint.version)
  const start = (newer && (await readCheckpoint(table, newer))) ?? checkpoint
  // A hint left behind by a cleanup would look like a table without newer commits: its own commit, or the next, must still be there.
  if (!start || !(log.commits.has(start.version) || log.commits.has(start.version + 1))) return undefined
  return follow(table, log, { start, upTo: Number.POSITIVE_INFINITY })
}

function hinted(text: string): CheckpointPlace | undefined {
  try {
    const { version, parts } = JSON.parse(text) as { version?: unknown; parts?: unknown }
    if (!Number.isSafeInteger(version)) return undefined
    return { version: version as number, ...(Number.isSafeInteger(parts) ? { parts: parts as number } : {}) }
  } catch {
    return undefined
  }
}

/** Opens by the list of the whole log, at `upTo` or the newest before it. Undefined: the listing is empty. */
async function fromList(table: Table, log: LogListing, upTo: number): Promise<Snapshot | undefined> {
  if (log.commits.size === 0 && log.checkpoints.length === 0 && log.unread.length === 0) return undefined
  const place = log.checkpoints.findLast(({ version }) => version <= upTo)
  const start = place ? await readCheckpoint(table, place) : undefined
  const snapshot = start || log.commits.has(0) ? await follow(table, log, { start, upTo }) : undefined
  if (snapshot && (upTo === Number.POSITIVE_INFINITY || snapshot.version === upTo)) return snapshot
  if (log.unread.length > 0) {
    const reason = `its log can only be read from the checkpoint of V2 form at version ${log.unread.at(-1)}`
    throw new LakeError('LAKE_UNSUPPORTED_TABLE', `${table.path}: ${reason}; write a classic one with the engine that made it`)
  }
  const from = start ? start.version + 1 : 0
  const hole = Array.from({ length: log.commits.size + 1 }, (_, i) => from + i).find(version => !log.commits.has(version))
  throw new LakeError('LAKE_CORRUPT_LOG', `${table.path}: version ${hole} is missing, and no checkpoint stands for it`)
}

/** The commits after a checkpoint (undefined: from the first one) on top of it; undefined if one of them is not there. */
async function follow(
  table: Table,
  log: LogListing,
  { start, upTo }: { start: Commit | undefined; upTo: number },
): Promise<Snapshot | undefined> {
  const first = start ? start.version + 1 : 0
  const versions = [...log.commits.keys()].filter(version => version >= first && version <= upTo)
  const commits = await each(versions, parallel, version => readCommit(table, version))
  if (commits.some((commit, i) => commit?.version !== first + i)) return undefined
  if (!start) return replay(undefined, commits as Commit[])
  // The checkpoint's own commit need not be read: its file's time is close to what it tells.
  const timestamp = log.commits.get(start.version)
  return replay(undefined, [{ ...start, ...(timestamp ? { commitInfo: { timestamp } } : {}) }, ...(commits as Commit[])])
}

async function travel(table: Table, version: number): Promise<Snapshot | undefined> {
  const log = await listLog(table)
  const versions = reachable(log)
  const [oldest, last] = [versions[0], versions.at(-1)]
  if (oldest === undefined || last === undefined) return fromList(table, log, version)
  if (version > last) {
    throw new LakeError('LAKE_VERSION_GONE', `${table.path}: there is no version ${version}; the newest is ${last}`)
  }
  if (version < oldest) {
    const left = `version ${oldest}, of ${new Date(await commitTime(table, log, oldest)).toISOString()}`
    throw new LakeError('LAKE_VERSION_GONE', `${table.path}: version ${version} has been cleaned away; the oldest is ${left}`)
  }
  return fromList(table, log, version)
}
