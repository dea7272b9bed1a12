// The statistics text of an add action: the row count always, min and max only of the columns named (lake-spec §3.5, privacy-spec B2).
// Guarantee: pure; a bound is exact or rounded outwards, and one that cannot be told exactly is left out.
import { type DeltaType, decimalOf, type Field } from './schema.ts'

/** What the Parquet writer reports of one column: texts as DuckDB prints them. */
export interface ColumnReport {
  min?: string
  max?: string
  null_count?: string
  has_nan?: string
}

/** Longer texts are left out: a cut bound would have to be rounded, and texts rarely prune. */
const longestText = 64

/** JSON text. Numbers are pasted as the writer printed them: JSON.stringify would round beyond 2^53. */
export function statsText(numRecords: number, columns: readonly { field: Field; report: ColumnReport }[]): string {
  const parts: Record<'minValues' | 'maxValues' | 'nullCount', string[]> = { minValues: [], maxValues: [], nullCount: [] }
  for (const { field, report } of columns) {
    const name = JSON.stringify(field.name)
    if (report.null_count !== undefined && /^\d+$/.test(report.null_count)) parts.nullCount.push(`${name}:${report.null_count}`)
    if (report.has_nan === 'true' || report.min === undefined || report.max === undefined) continue
    const min = bound(field.type, report.min, 'floor')
    const max = bound(field.type, report.max, 'ceil')
    if (min !== undefined) parts.minValues.push(`${name}:${min}`)
    if (max !== undefined) parts.maxValues.push(`${name}:${max}`)
  }
  const objects = Object.entries(parts).map(([name, entries]) =>
    entries.length === 0 ? '' : `,"${name}":{${entries.join(',')}}`,
  )
  return `{"numRecords":${numRecords}${objects.join('')}}`
}

/** Table properties by which other engines that write to the table log bounds of these columns only, too: most take the first 32. */
export function boundsProperties(columns: readonly string[]): Record<string, string> {
  const names = columns.map(name => (/^\w+$/.test(name) ? name : `\`${name.replaceAll('`', '``')}\``))
  return {
    'delta.dataSkippingNumIndexedCols': '0',
    ...(names.length > 0 ? { 'delta.dataSkippingStatsColumns': names.join(',') } : {}),
  }
}

/** JSON text of a bound, or undefined where it cannot stand. */
function bound(type: DeltaType, text: string, rounding: 'floor' | 'ceil'): string | undefined {
  if (decimalOf(type)) return /^-?\d+(\.\d+)?$/.test(text) ? text : undefined
  switch (type) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return /^-?\d+$/.test(text) ? text : undefined
    case 'float':
    case 'double':
      return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text) ? text : undefined
    case 'date':
      return /^\d{4}-\d{2}-\d{2}$/.test(text) ? `"${text}"` : undefined
    case 'timestamp':
      return instant(text, rounding)
    case 'string':
      return text.length <= longestText && text.isWellFormed() ? JSON.stringify(text) : undefined
    default:
      return undefined
  }
}

/** `2026-11-21 11:50:23.277202+00` as ISO milliseconds, the minimum rounded down and the maximum up. Years beyond 9999 and before 0001 have no form. */
function instant(text: string, rounding: 'floor' | 'ceil'): string | undefined {
  const match = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?\+00$/.exec(text)
  if (!match) return undefined
  const micros = (match[3] ?? '').padEnd(6, '0')
  const up = rounding === 'ceil' && micros.slice(3) !== '000' ? 1 : 0
  const time = Date.parse(`${match[1]}T${match[2]}.${micros.slice(0, 3)}Z`) + up
  const iso = new Date(time).toISOString()
  return iso.startsWith('+') || iso.startsWith('-') ? undefined : `"${iso}"`
}
