// A table at one version: what replaying its log up to there leaves (lake-spec §3.3).
// Guarantee: pure; a snapshot never changes, a newer version is a new snapshot.
import type { Add, Commit, MetaData, Protocol, Remove } from './actions.ts'
import { LakeError } from './lake-error.ts'
import { changedMap } from './layered-map.ts'
import { type Field, parseSchema } from './schema.ts'

export interface Snapshot {
  version: number
  /** When this version was committed, milliseconds since 1970. */
  timestamp: number
  protocol: Protocol
  metaData: MetaData
  /** The columns of `metaData.schemaString`, in table order. */
  fields: Field[]
  /** Live files by their logged path. */
  files: ReadonlyMap<string, Add>
  /** Progress by appId: for bronze the next Kafka offset of each partition. */
  txns: ReadonlyMap<string, bigint>
  /** Files that left the table, by logged path, until a checkpoint forgets them. */
  tombstones: ReadonlyMap<string, Remove>
}

/** Applies commits, oldest first and without gaps, to a snapshot (undefined: nothing yet, so the first must hold protocol and metaData). */
export function replay(base: Snapshot | undefined, commits: readonly Commit[]): Snapshot {
  const changes = {
    files: new Map<string, Add | undefined>(),
    txns: new Map<string, bigint | undefined>(),
    tombstones: new Map<string, Remove | undefined>(),
  }
  let { protocol, metaData, timestamp, version } = base ?? {
    protocol: undefined,
    metaData: undefined,
    timestamp: 0,
    version: undefined,
  }
  for (const commit of commits) {
    if (version !== undefined && commit.version !== version + 1) {
      throw new LakeError('LAKE_CORRUPT_LOG', `version ${version + 1} is missing before version ${commit.version}`)
    }
    version = commit.version
    protocol = commit.protocol ?? protocol
    metaData = commit.metaData ?? metaData
    timestamp = commit.commitInfo?.timestamp ?? timestamp
    for (const txn of commit.txns) changes.txns.set(txn.appId, txn.version)
    for (const remove of commit.removes) {
      changes.files.set(remove.path, undefined)
      changes.tombstones.set(remove.path, remove)
    }
    for (const add of commit.adds) {
      changes.files.set(add.path, add)
      changes.tombstones.set(add.path, undefined)
    }
  }
  if (version === undefined || !protocol || !metaData) {
    throw new LakeError(
      'LAKE_CORRUPT_LOG',
      `the log up to version ${version ?? 'none'} holds no ${protocol ? 'metaData' : 'protocol'} action`,
    )
  }
  return {
    version,
    timestamp,
    protocol,
    metaData,
    fields: metaData === base?.metaData ? base.fields : parseSchema(metaData.schemaString),
    files: changedMap(base?.files ?? new Map<string, Add>(), changes.files),
    txns: changedMap(base?.txns ?? new Map<string, bigint>(), changes.txns),
    tombstones: changedMap(base?.tombstones ?? new Map<string, Remove>(), changes.tombstones),
  }
}
