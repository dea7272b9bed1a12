// Turns DuckDB's errors while writing a file into coded ones.
// Guarantee: DuckDB quotes the value it could not convert; such a text never travels on.
import { dirname } from 'node:path'
import { StoreError } from '../connectors/store-error.ts'
import { LakeError } from './lake-error.ts'

/** The error to throw instead of DuckDB's own; `place` is the table's path, `file` the local file being written. */
export function explainWriteError(error: unknown, { place, file }: { place: string; file: string }): unknown {
  const message = error instanceof Error ? error.message : ''
  if (/No space left on device|Disk quota exceeded|File too large/i.test(message)) {
    return new StoreError(
      'STORE_FULL',
      `${dirname(file)}: the disk is full while writing a data file of ${place}; free some space, nothing was committed`,
      {
        retryable: true,
      },
    )
  }
  if (/^(Conversion|Out of Range|Invalid Input) Error/.test(message)) {
    // No cause: it would carry the value.
    const column = /when casting from source column "?([^"\n]+?)"?\s*$/m.exec(message)?.[1]
    const which = column === undefined ? 'a value does not fit its column' : `a value of column ${column} does not fit`
    return new LakeError('LAKE_SCHEMA_MISMATCH', `${place}: ${which}; nothing was committed`)
  }
  return error
}
