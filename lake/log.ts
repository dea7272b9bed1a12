// Reads a table's log: checkpoint, then the commits after it (lake-spec §3.7, §5).
// Guarantee: the steady state costs one GET of the next version; nothing is listed unless there is no usable hint.
import { type Commit, parseCommit } from './actions.ts'
import { each } from './each.ts'
import { LakeError } from './lake-error.ts'
import { commitPath, lastCheckpointPath, logFile } from './path.ts'
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
  const version = hint && hintedVersion(hint.toString('utf8'))
  return version !== undefined && version > snapshot.version
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

async function newest(table: Table, known: Snapshot | undefined): Promise<Snapshot | undefined> {
  if (known) {
    const commits = await commitsSince(table, known.version + 1)
    if (commits.length > 0) return replay(known, commits)
    if (!(await leftBehind(table, known))) return known
  }
  return (await fromHint(table)) ?? (await fromList(table))
}

/** Opens at the version `_last_checkpoint` names; undefined if that hint cannot be trusted. */
async function fromHint(table: Table): Promise<Snapshot | undefined> {
  const hint = await table.store.get(lastCheckpointPath(table))
  const version = hint && hintedVersion(hint.toString('utf8'))
  if (version === undefined) return undefined
  const [checkpoint, commit, later] = await Promise.all([
    readCheckpoint(table, { version }),
    readCommit(table, version),
    commitsSince(table, version + 1),
  ])
  // A hint left behind by a cleanup would look like a table without newer commits: its own commit file must still be there.
  if (!checkpoint || (!commit && later.length === 0)) return undefined
  return replay(undefined, [{ ...checkpoint, ...(commit?.commitInfo ? { commitInfo: commit.commitInfo } : {}) }, ...later])
}

function hintedVersion(text: string): number | undefined {
  try {
    const { version, parts } = JSON.parse(text) as { version?: unknown; parts?: unknown }
    return typeof version === 'number' && parts === undefined ? version : undefined
  } catch {
    return undefined
  }
}

/** Opens by listing the log: the newest checkpoint up to `upTo`, then every commit after it. */
async function fromList(table: Table, upTo = Number.POSITIVE_INFINITY): Promise<Snapshot | undefined> {
  const commits: number[] = []
  const checkpoints: number[] = []
  for await (const object of table.store.list(`${table.path}/_delta_log/`)) {
    const file = logFile(object.path)
    if (!file || file.version > upTo) continue
    if (file.kind === 'commit') commits.push(file.version)
    if (file.kind === 'checkpoint') checkpoints.push(file.version)
  }
  if (commits.length === 0 && checkpoints.length === 0) return undefined
  const start = checkpoints.length === 0 ? undefined : Math.max(...checkpoints)
  const checkpoint = start === undefined ? undefined : await readCheckpoint(table, { version: start })
  const wanted = commits.filter(version => start === undefined || version >= start).sort((a, b) => a - b)
  if (start === undefined && wanted[0] !== 0) {
    const reason = 'its first commits are gone and there is no single-file checkpoint of classic form to start from'
    throw new LakeError(
      upTo === Number.POSITIVE_INFINITY ? 'LAKE_UNSUPPORTED_TABLE' : 'LAKE_VERSION_GONE',
      `${table.path}: ${reason}`,
    )
  }
  const read = (await each(wanted, parallel, version => readCommit(table, version))).filter(commit => commit !== undefined)
  if (!checkpoint) return replay(undefined, read)
  const own = read[0]?.version === start ? read.shift()?.commitInfo : undefined
  return replay(undefined, [{ ...checkpoint, ...(own ? { commitInfo: own } : {}) }, ...read])
}

async function travel(table: Table, version: number): Promise<Snapshot | undefined> {
  const snapshot = await fromList(table, version)
  if (!snapshot) {
    if ((await newest(table, undefined)) === undefined) return undefined
    throw new LakeError('LAKE_VERSION_GONE', `${table.path}: version ${version} has been cleaned away`)
  }
  if (snapshot.version !== version) {
    throw new LakeError('LAKE_VERSION_GONE', `${table.path}: there is no version ${version}; the newest is ${snapshot.version}`)
  }
  return snapshot
}
