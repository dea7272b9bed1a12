// Turns DuckDB's errors while writing a file into coded ones.
// Guarantee: DuckDB quotes the value it could not read or convert; such a text never travels on.
import { dirname } from 'node:path'
import { StoreError } from '../connectors/store-error.ts'
import { LakeError } from './lake-error.ts'

export interface WritePlace {
  /** The table's path. */
  table: string
  /** The local file being written. */
  file: string
  /** The columns written: only these names may stand in a message. */
  columns: readonly string[]
}

/** The error to throw instead of DuckDB's own: STORE_FULL, LAKE_BAD_VALUE (some row does not fit; names the column if it can), or the same error. */
export function explainWriteError(error: unknown, place: WritePlace): unknown {
  const message = error instanceof Error ? error.message : ''
  if (/No space left on device|Disk quota exceeded|File too large/i.test(message)) {
    const text = `${dirname(place.file)}: the disk is full while writing a data file of ${place.table}; free some space, nothing was committed`
    return new StoreError('STORE_FULL', text, { retryable: true })
  }
  const kind = /^(Conversion|Out of Range|Invalid Input) Error/.exec(message)?.[0]
  if (kind === undefined) return error
  const source = message.slice(message.lastIndexOf('source column ') + 'source column '.length).split('\n')[0]
  const column = place.columns.find(name => name === source)
  const which =
    column === undefined ? 'a value cannot be read or does not fit its column' : `a value of column ${column} does not fit`
  // No cause: it would carry the value.
  return new LakeError('LAKE_BAD_VALUE', `${place.table}: ${which} (${kind}); nothing was committed`)
}
