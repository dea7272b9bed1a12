// Whether a data file may hold keys of a batch, told by the file's statistics alone (lake-spec §3.9, §4).
// Guarantee: pure; "no" is only said where the exact bounds say so. A file, or a bound, that cannot be compared may hold any key.
import type { Add } from './actions.ts'
import { exactBounds } from './exact-bounds.ts'
import { type DeltaType, decimalOf, type Field } from './schema.ts'

/** What a batch spans in one key column, as exact text: digits, ISO dates, ISO instants in UTC, or the string itself. */
export interface KeyBound {
  column: string
  min: string
  max: string
}

/** A test for files: false if some key column's range lies wholly beside the batch's. Without bounds every file overlaps. */
export function overlapsKeys(fields: readonly Field[], range: readonly KeyBound[]): (add: Add) => boolean {
  const types = new Map(fields.map(({ name, type }) => [name, type]))
  const bounds = range.map(({ column, min, max }) => {
    const type = types.get(column)
    return { column, type, min: comparable(type, min), max: comparable(type, max) }
  })
  return ({ stats }) => {
    if (bounds.length === 0 || !stats?.includes('"minValues"')) return true
    const { minValues = {}, maxValues = {} } = exactBounds(stats)
    return bounds.every(({ column, type, min, max }) => {
      const low = comparable(type, minValues[column])
      const high = comparable(type, maxValues[column])
      return !(before(typeof high === 'bigint' && type === 'timestamp' ? high + slack : high, min) || before(max, low))
    })
  }
}

/** Some writers cut times to milliseconds, the greatest as well. */
const slack = 999n

type Comparable = bigint | Buffer

function before(a: Comparable | undefined, b: Comparable | undefined): boolean {
  if (typeof a === 'bigint' && typeof b === 'bigint') return a < b
  return a instanceof Buffer && b instanceof Buffer && a.compare(b) < 0
}

/** A form that orders as the column's values do; undefined for types without one, and texts of another form. */
function comparable(type: DeltaType | undefined, text: unknown): Comparable | undefined {
  if (type === undefined || typeof text !== 'string') return undefined
  const decimal = decimalOf(type)
  if (decimal) return scaled(text, decimal.scale)
  switch (type) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return scaled(text, 0)
    case 'date':
      return /^\d{4}-\d{2}-\d{2}$/.test(text) ? Buffer.from(text) : undefined
    case 'timestamp':
      return micros(text)
    case 'string':
      // Engines order text by its UTF-8 bytes, JavaScript by UTF-16 units.
      return Buffer.from(text)
    default:
      return undefined
  }
}

function scaled(text: string, scale: number): bigint | undefined {
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? []
  if (whole === undefined || /[^0]/.test(fraction.slice(scale))) return undefined
  const digits = BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0'))
  return sign === '-' ? -digits : digits
}

/** Microseconds since 1970 of an ISO instant, with any zone; finer digits are cut. */
function micros(text: string): bigint | undefined {
  const match = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d+))?(Z|[+-]\d{2}(?::?\d{2})?)$/.exec(text)
  if (!match) return undefined
  const [, date, time, fraction = '', zone] = match
  const offset = zone === 'Z' ? 'Z' : `${zone!.slice(0, 3)}:${zone!.slice(3).replace(':', '') || '00'}`
  const ms = Date.parse(`${date}T${time}${offset}`)
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1000n + BigInt(fraction.slice(0, 6).padEnd(6, '0'))
}
