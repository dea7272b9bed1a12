// Tells an error that the data caused from one that the machine caused.

/**
 * True if a statement failed because some row does not fit. DuckDB's text of such an error may quote a value, so it is never passed on.
 * Everything else (disk full, out of memory, a missing file) is no reason to look at the rows.
 */
export function isDataError(error: unknown): boolean {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : ''
  const text = error instanceof Error ? `${error.message} ${cause}` : String(error)
  return /Invalid Input Error|Conversion Error|Malformed JSON|Failed to cast|Failed to transform|Out of Range Error|LAKE_BAD_VALUE/.test(
    text,
  )
}
