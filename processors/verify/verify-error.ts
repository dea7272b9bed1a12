// Why a comparison could not be made. Messages name tables, files and what to type; never keys or values.
import { StoreError } from '../../connectors/store-error.ts'
import type { TableName } from '../source-schema.ts'

/**
 * VERIFY_SILVER_UNREADABLE: a data file of silver is damaged. VERIFY_DISK_FULL: no room for the source's rows. VERIFY_VALUE_UNFIT: MySQL holds a
 * value that does not fit the column's type. VERIFY_MEMORY: DuckDB's limit is too small. VERIFY_NO_SIGNALS: nothing can be repaired.
 */
export type VerifyErrorCode =
  | 'VERIFY_SILVER_UNREADABLE'
  | 'VERIFY_DISK_FULL'
  | 'VERIFY_VALUE_UNFIT'
  | 'VERIFY_MEMORY'
  | 'VERIFY_NO_SIGNALS'

export class VerifyError extends Error {
  readonly code: VerifyErrorCode
  readonly retryable: boolean

  constructor(code: VerifyErrorCode, message: string, options: { retryable?: boolean; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'VerifyError'
    this.code = code
    this.retryable = options.retryable ?? false
  }
}

/** An error of DuckDB or the disk in words; a coded one stays what it is. DuckDB's texts may quote values, so they do not travel on. */
export function verifyError(
  error: unknown,
  { table, doing, place }: { table: TableName; doing: string; place: string },
): unknown {
  const name = `${table.database}.${table.table}`
  const message = error instanceof Error ? error.message : ''
  const code = (error as { code?: unknown } | undefined)?.code
  if (code === 'ENOSPC' || code === 'EDQUOT' || /No space left on device|Disk quota exceeded|File too large/i.test(message)) {
    return new VerifyError(
      'VERIFY_DISK_FULL',
      `${place}: the disk is full while ${doing} (${name}); free some space or set TMPDIR to another disk`,
      {
        retryable: true,
      },
    )
  }
  if (error instanceof StoreError || (typeof code === 'string' && 'retryable' in (error as object))) return error
  if (/^Out of Memory Error/i.test(message)) {
    return new VerifyError('VERIFY_MEMORY', `${name}: DuckDB's memory limit is too small to compare it; raise duckdb.memory`)
  }
  if (/^(Conversion|Out of Range|Invalid Input) Error/.test(message)) {
    return new VerifyError(
      'VERIFY_VALUE_UNFIT',
      `${name}: MySQL holds a value that does not fit the column's type as the lake knows it; was the table altered? Let \`binlake run\` catch up`,
      { retryable: true },
    )
  }
  return error
}

/** Reading silver failed: names the table, and what brings it back. */
export function silverError(error: unknown, { table, place }: { table: TableName; place: string }): unknown {
  const message = error instanceof Error ? error.message : ''
  const code = (error as { code?: unknown } | undefined)?.code
  // DuckDB's complaints about bytes that are no Parquet file are of many kinds.
  const ofDuck = code === undefined && /^[A-Z][\w ]* Error: /.test(message)
  const damaged =
    ofDuck && !/^(Out of Memory|Interrupt|Binder|Parser|Catalog)|No space left|Disk quota|File too large/i.test(message)
  if (damaged || code === 'STORE_MISSING') {
    const name = `${table.database}.${table.table}`
    return new VerifyError(
      'VERIFY_SILVER_UNREADABLE',
      `${name}: a data file of its silver table cannot be read (damaged or gone), so it cannot be compared; \`binlake replay ${name}\` builds it anew from bronze`,
    )
  }
  return verifyError(error, { table, doing: 'silver was compared', place })
}
