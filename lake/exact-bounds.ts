// The bounds in a file's statistics as text, for whoever compares them.
// Guarantee: no digit is lost; JSON parsers, DuckDB's too, make doubles of long decimals.

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
