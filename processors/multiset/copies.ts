// Rows of a table without a key, told apart in silver: by a hash of what the row shows, and by which of its equal copies it is.
// Guarantee: n equal rows of MySQL are the copies 1 to n of one hash; no column of a source has these names.
import { type Field, field } from '../../lake/schema.ts'

/** What stands in for a key (cdc-spec §6). */
export const copyKey: readonly string[] = ['_row_hash', '_copy']

/** Of these columns, in the silver tables of such a table. */
export const copyFields: readonly Field[] = [field('_row_hash', 'string'), field('_copy', 'long')]

/** Whether a table's silver is told apart so: by the key that its mask plan, or its silver, names. */
export function isMultiset(key: readonly string[]): boolean {
  return key[0] === copyKey[0]
}
