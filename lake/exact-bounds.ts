// The bounds in a file's statistics, for whoever compares them: as text, or in SQL over that text.
// Guarantee: no digit is lost; JSON parsers, DuckDB's too, make doubles of long decimals.

import { duckType, type Field } from './schema.ts'
import { type Sql, sql, trusted } from './sql.ts'

export interface ExactBounds {
  minValues?: Record<string, unknown>
  maxValues?: Record<string, unknown>
}

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown

/** Numbers stay the text they are. Text that is no JSON tells nothing. */
export function exactBounds(stats: string): ExactBounds {
  const exact: Reviver = (_, value, { source }) => (typeof value === 'number' ? source : value)
  try {
    return JSON.parse(stats, exact as (key: string, value: unknown) => unknown) as ExactBounds
  } catch {
    return {}
  }
}

/** A file's bounds of a column, out of `exactBounds` as JSON in `stats`: between them lies every value it has; NULL where that is not known. */
export function boundsIn(stats: Sql, { name, type }: Field): { low: Sql; high: Sql } {
  return typedBounds({ low: jsonText(stats, 'minValues', name), high: jsonText(stats, 'maxValues', name) }, type)
}

/** Texts as bounds of the column's type. Some writers cut times to milliseconds, the greatest as well. */
export function typedBounds({ low, high }: { low: Sql; high: Sql }, type: Field['type']): { low: Sql; high: Sql } {
  const as = trusted(duckType(type))
  const slack = type === 'timestamp' ? sql` + INTERVAL 1 MILLISECOND` : sql``
  return { low: sql`TRY_CAST(${low} AS ${as})`, high: sql`TRY_CAST(${high} AS ${as})${slack}` }
}

/** A value of a JSON text by its path; names may hold anything. */
export function jsonText(json: Sql, ...path: string[]): Sql {
  const pointer = path.map(part => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
  return sql`json_extract_string(${json}, ${[pointer]})[1]`
}
