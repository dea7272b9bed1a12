// Why a snapshot was not asked for, or did not come to its end.

export type SnapshotCode =
  | 'SNAPSHOT_UNKNOWN_TABLE'
  | 'SNAPSHOT_NO_KEY'
  | 'SNAPSHOT_NO_CHANNEL'
  | 'SNAPSHOT_REFUSED'
  | 'SNAPSHOT_CONDITION'
  | 'SNAPSHOT_SILENT'

export class SnapshotError extends Error {
  readonly code: SnapshotCode
  readonly retryable = false

  constructor(code: SnapshotCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.code = code
  }
}
