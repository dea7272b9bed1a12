// Delta's actions as they stand in a commit file, one JSON object a line (lake-spec §3.3).
// Guarantee: what is parsed and formatted again is the same action; 64-bit numbers and statistics pass through exactly.

export interface Protocol {
  minReaderVersion: number
  minWriterVersion: number
  readerFeatures?: string[]
  writerFeatures?: string[]
}

export interface MetaData {
  id: string
  name?: string
  description?: string
  format: { provider: string; options: Record<string, string> }
  schemaString: string
  partitionColumns: string[]
  configuration: Record<string, string>
  /** Milliseconds since 1970. */
  createdTime?: number
}

/** A live data file. `path` is relative to the table's root and URI-encoded. */
export interface Add {
  path: string
  /** Null, and the empty string, mean null. */
  partitionValues: Record<string, string | null>
  /** Bytes. */
  size: number
  /** Milliseconds since 1970. */
  modificationTime: number
  dataChange: boolean
  /** JSON text; opaque here, because its numbers may exceed 2^53. */
  stats?: string
  tags?: Record<string, string>
  deletionVector?: unknown
}

/** A tombstone: the file left the table at `deletionTimestamp` (milliseconds since 1970). */
export interface Remove {
  path: string
  deletionTimestamp?: number
  dataChange: boolean
  extendedFileMetadata?: boolean
  partitionValues?: Record<string, string | null>
  size?: number
  deletionVector?: unknown
}

/** How far an application has come: for bronze the next Kafka offset of one partition. */
export interface Txn {
  appId: string
  version: bigint
  lastUpdated?: number
}

export interface CommitInfo {
  timestamp?: number
  operation?: string
  operationParameters?: Record<string, unknown>
  readVersion?: number
  isolationLevel?: string
  isBlindAppend?: boolean
  operationMetrics?: Record<string, string>
  userMetadata?: string
  engineInfo?: string
  txnId?: string
}

/** One version's actions, sorted by kind. A checkpoint reads as one too: all that was live at its version. */
export interface Commit {
  version: number
  commitInfo?: CommitInfo
  protocol?: Protocol
  metaData?: MetaData
  txns: Txn[]
  removes: Remove[]
  adds: Add[]
}

/** Reads a commit file's text, or lines made from a checkpoint's rows. Kinds it does not know are passed over. */
export function parseCommit(version: number, text: string): Commit {
  const commit: Commit = { version, txns: [], removes: [], adds: [] }
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const action = JSON.parse(line) as Record<string, unknown>
    if (action.add) commit.adds.push(present(action.add as Add))
    else if (action.remove) commit.removes.push(present(action.remove as Remove))
    else if (action.txn) commit.txns.push(present(parseTxn(line)))
    else if (action.commitInfo) commit.commitInfo = present(action.commitInfo as CommitInfo)
    else if (action.metaData) commit.metaData = present(action.metaData as MetaData)
    else if (action.protocol) commit.protocol = present(action.protocol as Protocol)
  }
  return commit
}

/** Some engines, and every checkpoint, spell out what is absent as null; here absent means absent. */
function present<Action extends object>(action: Action): Action {
  if (!Object.values(action).includes(null)) return action
  return Object.fromEntries(Object.entries(action).filter(([, value]) => value !== null)) as Action
}

/** The commit file's text: commitInfo, protocol, metaData, txn, remove, add, one a line, in this order. */
export function formatCommit(commit: Commit): string {
  const lines: string[] = []
  if (commit.commitInfo) lines.push(JSON.stringify({ commitInfo: commit.commitInfo }))
  if (commit.protocol) lines.push(JSON.stringify({ protocol: commit.protocol }))
  if (commit.metaData) lines.push(JSON.stringify({ metaData: commit.metaData }))
  for (const txn of commit.txns) lines.push(formatTxn(txn))
  for (const remove of commit.removes) lines.push(JSON.stringify({ remove }))
  for (const add of commit.adds) lines.push(JSON.stringify({ add }))
  return `${lines.join('\n')}\n`
}

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown

/** `version` is a 64-bit number: read from the source text, because JSON.parse alone rounds beyond 2^53. */
function parseTxn(line: string): Txn {
  const exact: Reviver = (key, value, context) => (key === 'version' && context.source ? BigInt(context.source) : value)
  return (JSON.parse(line, exact as (key: string, value: unknown) => unknown) as { txn: Txn }).txn
}

export function formatTxn(txn: Txn): string {
  const lastUpdated = txn.lastUpdated === undefined ? '' : `,"lastUpdated":${txn.lastUpdated}`
  return `{"txn":{"appId":${JSON.stringify(txn.appId)},"version":${txn.version}${lastUpdated}}}`
}
