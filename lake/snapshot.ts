// A table at one version: what replaying its log up to there leaves (lake-spec §3.3).
// Guarantee: pure; a snapshot never changes, a newer version is a new snapshot.
import type { Add, Commit, MetaData, Protocol, Remove } from './actions.ts'
import { fileRetention } from './interval.ts'
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
  /** Files that left the table, by logged path; forgotten some time after the table's retention. */
  tombstones: ReadonlyMap<string, Remove>
}

/** A process that lives for months must not remember every file there ever was: each time so many versions have come, it forgets. */
const sweep = 500

/** Applies commits, oldest first and without gaps, to a snapshot (undefined: nothing yet, so the first must hold protocol and metaData). */
export function replay(base: Snapshot | undefined, commits: readonly Commit[]): Snapshot {
  const changes: Changes = {
    files: new Map(),
    txns: new Map(),
    tombstones: new Map(),
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
  if (base && Math.floor(version / sweep) > Math.floor(base.version / sweep))
    forget(base.tombstones, changes.tombstones, { metaData, timestamp })
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

interface Changes {
  files: Map<string, Add | undefined>
  txns: Map<string, bigint | undefined>
  tombstones: Map<string, Remove | undefined>
}

/** As a checkpoint does: a vacuum may have deleted these files. */
function forget(
  tombstones: Snapshot['tombstones'],
  changes: Changes['tombstones'],
  { metaData, timestamp }: Pick<Snapshot, 'metaData' | 'timestamp'>,
): void {
  const oldest = timestamp - fileRetention(metaData)
  for (const [path, { deletionTimestamp = 0 }] of tombstones)
    if (deletionTimestamp < oldest && !changes.has(path)) changes.set(path, undefined)
}
