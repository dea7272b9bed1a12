// What a row shows in silver, as one short text: equal rows have equal hashes, and nothing that the policy hides goes into it.
// Guarantee: the same for a row and for its image before a change, whatever the order of columns and whichever column was added as NULL since.
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import type { MaskPlan } from '../../privacy/mask.ts'
import type { SourceTable } from '../source-schema.ts'

/** The columns that tell rows apart, by their names in silver. What the source has dropped is in older images only, and tells nothing. */
export function hashedColumns(mask: MaskPlan, schema: SourceTable): string[] {
  const dropped = new Set(schema.columns.filter(column => column.dropped).map(({ name }) => name))
  return mask.columns
    .filter(({ source }) => !dropped.has(source))
    .map(({ name }) => name)
    .sort()
}

/** SQL over a masked row: 128 bits of SHA-256 as hexadecimal text. NULL adds nothing, so that a column which comes as NULL changes no hash. */
export function rowHash(columns: readonly string[]): Sql {
  const told = columns.map(
    name =>
      sql`CASE WHEN ${id(name)} IS NOT NULL THEN ${`${JSON.stringify(name)}:`} || to_json(${id(name)}::VARCHAR)::VARCHAR END`,
  )
  return sql`substr(sha256(concat_ws(${join([sql`','`, sql`''`, ...told])})), 1, 32)`
}
