// What a table that waits for a held change says of itself.
import type { Timeline } from '../source-schema.ts'

/** One sentence: what, where, and what to type. `table` is `database.table`. */
export function heldReason(table: string, { id, words }: NonNullable<Timeline['held']>): string {
  return (
    `${table}: silver waits at a change of its schema (${id}): ${words.join('; ')}. \`binlake schema show ${table}\` says what it would do; ` +
    `\`binlake schema approve ${table}\` or \`binlake schema reject ${table}\` goes on`
  )
}
