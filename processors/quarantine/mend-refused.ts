/** A corrected value cannot stand for the record. */
export class MendRefused extends Error {
  readonly code = 'QUARANTINE_MEND_REFUSED'
  readonly retryable = false
}
