// The only place where something becomes visible: one put-if-absent of the next version's commit file (lake-spec §3.1–3.3, §3.9).
// Guarantee: a commit lands exactly once or not at all, also when the store's answer is lost; a lost race is judged by conflict.ts.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pkg from '../package.json' with { type: 'json' }
import { type Add, type Commit, formatCommit, type MetaData, parseCommit, type Remove, type Txn } from './actions.ts'
import { type CommitMode, ConflictError, judge, type Ours, removedByBoth } from './conflict.ts'
import { failPoint } from './fail-point.ts'
import { type KeyBound, overlapsKeys } from './key-range.ts'
import { LakeError } from './lake-error.ts'
import { commitsSince, leftBehind, readCommit } from './log.ts'
import { type MetaDataChange, planMetaData } from './metadata.ts'
import { commitPath } from './path.ts'
import { assertMayRemove, assertSupported, ourProtocol } from './protocol.ts'
import { replay, type Snapshot } from './snapshot.ts'
import type { Table } from './table.ts'

const maxTries = 20
const maxUnknown = 3

export interface CommitOptions {
  /** The version the work was planned on; undefined: the table is to be made. */
  base: Snapshot | undefined
  mode: CommitMode
  /** For the table's history: `STREAMING UPDATE`, `MERGE`, … */
  operation: string
  /** The schema and properties wanted; may always be given, an action is written only for a change. Needed to make a table. */
  metaData?: MetaDataChange
  /** Progress to record in the same commit; what does not move forward is left out, and an append that moves nothing is refused. */
  txns?: readonly { appId: string; version: bigint }[]
  /** Logged paths to remove; an overwrite without it removes every file of `base`. */
  removes?: readonly string[]
  adds?: readonly Add[]
  /** For a merge: what its batch spans in each key column. Rows added meanwhile outside it do not disturb; without it any do. */
  keyRange?: readonly KeyBound[]
  /** False: the same rows in other files. Default: true, but for compaction. */
  dataChange?: boolean
  /** Text for the table's history; a statement of counts and offsets, never of values. */
  userMetadata?: string
}

/**
 * Commits and returns the new snapshot.
 * Throws ConflictError (LAKE_CONFLICT; `retryable`: load again and plan anew; `paths`: what the winner removed of ours), LAKE_FENCED (another owner moved the same progress: stop),
 * LAKE_COMMIT_UNKNOWN (the store does not answer: load the table, its txns say whether the commit landed), LAKE_SCHEMA_CHANGE, LAKE_SCHEMA_INVALID,
 * LAKE_UNSUPPORTED_TABLE (a rival gave the table something binlake does not write; or it takes new rows only).
 */
export async function commit(table: Table, options: CommitOptions): Promise<Snapshot> {
  let base = options.base
  const txns = progress(table, options)
  const removes = removeActions(table, options)
  if (base) assertMayRemove(table.path, base.metaData, removes)
  if (base && (await leftBehind(table, base))) {
    throw new ConflictError(
      `${table.path}: version ${base.version} is so old that its followers have been cleaned away; load the table again`,
      true,
    )
  }
  const ours: Ours = {
    mode: options.mode,
    appIds: new Set(txns.map(txn => txn.appId)),
    removes: new Set(removes.map(remove => remove.path)),
    ...(base && options.keyRange ? { overlaps: overlapsKeys(base.fields, options.keyRange) } : {}),
  }
  const txnId = randomUUID()
  for (let tries = 1; tries <= maxTries; tries++) {
    const metaData = planMetaData(table, options, base)
    checkPartitions(table, options, metaData ?? base!.metaData)
    const text = formatCommit(plan(options, base, { txns, removes, metaData, txnId }))
    const version = base ? base.version + 1 : 0
    const winner = await publish(table, { version, text, txnId })
    if (winner === undefined) return replay(base, [parseCommit(version, text)])
    base = followWinners(table, { ours, base, winners: [winner, ...(await commitsSince(table, version + 1))] })
    await sleep(20 + Math.random() * Math.min(480, 20 * 2 ** tries))
  }
  throw new ConflictError(`${table.path}: ${maxTries} other commits were first, one after the other; try again`, true)
}

/** Puts the commit file. Undefined: it is there and ours. Otherwise the commit that stands in its place. */
async function publish(table: Table, commit: { version: number; text: string; txnId: string }): Promise<Commit | undefined> {
  const path = commitPath(table, commit.version)
  const bytes = Buffer.from(commit.text)
  let failure: unknown
  for (let tries = 1; tries <= maxUnknown; tries++) {
    try {
      failPoint('commit:before-put')
      const written = await table.store.putIfAbsent(path, bytes)
      failPoint('commit:after-put')
      if (written) return undefined
      // False may also be the answer to a repeated request whose first attempt, ours, had landed: only the file tells.
      const found = await readCommit(table, commit.version)
      if (found) return found.commitInfo?.txnId === commit.txnId ? undefined : found
    } catch (error) {
      if (!ambiguous(error)) throw error
      failure = error
      const found = await readCommit(table, commit.version).catch(() => undefined)
      if (found) return found.commitInfo?.txnId === commit.txnId ? undefined : found
      await sleep(Math.random() * 100 * 2 ** tries)
    }
  }
  const message = `${path}: the store gave no clear answer ${maxUnknown} times; load the table again to see whether the commit landed`
  throw new LakeError('LAKE_COMMIT_UNKNOWN', message, { retryable: true, cause: failure })
}

/** An error that says itself that it is final (no permission, disk full) left nothing behind; any other may hide a success. */
function ambiguous(error: unknown): boolean {
  const code = (error as { code?: unknown }).code
  return code !== 'STORE_DENIED' && code !== 'STORE_FULL' && code !== 'LAKE_CORRUPT_LOG'
}

function followWinners(table: Table, race: { ours: Ours; base: Snapshot | undefined; winners: Commit[] }): Snapshot {
  for (const winner of race.winners) {
    const verdict = judge(race.ours, winner)
    if (verdict.outcome === 'rebase') continue
    const message = `${table.path}: version ${winner.version} (${winner.commitInfo?.operation ?? 'unknown operation'}) was first; ${verdict.reason}`
    if (verdict.outcome === 'fenced') throw new LakeError('LAKE_FENCED', `${message}: another worker owns this now`)
    throw new ConflictError(message, verdict.outcome === 'replan', removedByBoth(race.ours, race.winners))
  }
  const snapshot = replay(race.base, race.winners)
  assertSupported(table.path, snapshot)
  return snapshot
}

/**
 * The progress to write: what moves forward. An append that moves nothing would be a second copy of rows the table has.
 * An overwrite starts anew, so it may set progress back.
 */
function progress(table: Table, { base, mode, txns = [] }: CommitOptions): readonly { appId: string; version: bigint }[] {
  if (mode === 'overwrite') return txns
  const forward = txns.filter(({ appId, version }) => version > (base?.txns.get(appId) ?? -1n))
  if (mode === 'append' && forward.length === 0 && txns.length > 0) {
    throw new LakeError(
      'LAKE_FENCED',
      `${table.path}: version ${base?.version} holds this progress already: another worker appended these rows`,
    )
  }
  return forward
}

/** Readers take partition values from the action alone: one that lacks a column would not be readable. */
function checkPartitions(table: Table, { adds = [] }: CommitOptions, { partitionColumns }: MetaData): void {
  const wanted = JSON.stringify([...partitionColumns].sort())
  for (const add of adds) {
    if (JSON.stringify(Object.keys(add.partitionValues).sort()) === wanted) continue
    throw new LakeError(
      'LAKE_SCHEMA_INVALID',
      `${table.path}: a file was written without the table's partition columns (${partitionColumns.join(', ') || 'none'})`,
    )
  }
}

function removeActions(table: Table, { base, mode, removes, dataChange }: CommitOptions): Remove[] {
  const paths = removes ?? (mode === 'overwrite' ? [...(base?.files.keys() ?? [])] : [])
  return paths.map(path => {
    const file = base?.files.get(path)
    if (!file) throw new ConflictError(`${table.path}: a file to remove is not in version ${base?.version ?? 'none'}`, true)
    return {
      path,
      deletionTimestamp: Date.now(),
      dataChange: dataChange ?? mode !== 'compaction',
      extendedFileMetadata: true,
      partitionValues: file.partitionValues,
      size: file.size,
    }
  })
}

type Prepared = { txns: readonly Txn[]; removes: Remove[]; metaData: ReturnType<typeof planMetaData>; txnId: string }

function plan(options: CommitOptions, base: Snapshot | undefined, { txns, removes, metaData, txnId }: Prepared): Commit {
  const { mode, operation, userMetadata } = options
  const timestamp = Date.now()
  const dataChange = options.dataChange ?? mode !== 'compaction'
  const adds = (options.adds ?? []).map(add => ({ ...add, dataChange }))
  const commitInfo = {
    timestamp,
    operation,
    operationParameters: {},
    ...(base ? { readVersion: base.version } : {}),
    isolationLevel: mode === 'compaction' ? 'SnapshotIsolation' : 'WriteSerializable',
    isBlindAppend: mode === 'append',
    operationMetrics: { numFiles: String(adds.length), numRemovedFiles: String(removes.length) },
    ...(userMetadata === undefined ? {} : { userMetadata }),
    engineInfo: `binlake/${pkg.version}`,
    txnId,
  }
  return {
    version: base ? base.version + 1 : 0,
    commitInfo,
    ...(base ? {} : { protocol: ourProtocol }),
    ...(metaData ? { metaData } : {}),
    txns: txns.map(txn => ({ ...txn, lastUpdated: timestamp })),
    removes,
    adds,
  }
}
