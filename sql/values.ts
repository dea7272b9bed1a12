// DuckDB's values as JSON or text, exact.
// Guarantee: no digit is lost; a number that JSON readers would round is given as text.
import {
  DuckDBDecimalValue,
  DuckDBIntervalValue,
  type DuckDBValue,
  type DuckDBValueConverter,
  type Json,
  JsonDuckDBValueConverter,
} from '@duckdb/node-api'

/** Doubles hold every decimal of up to 15 digits, and integers up to this. */
const safeDigits = 15
const safeInteger = BigInt(Number.MAX_SAFE_INTEGER)

/** For `--json`: integers and decimals as numbers while a double holds them exactly, else as text; times as text. */
export const toJson: DuckDBValueConverter<Json> = (value, type, converter) => {
  if (typeof value === 'bigint') return value <= safeInteger && value >= -safeInteger ? Number(value) : String(value)
  if (value instanceof DuckDBDecimalValue) {
    const text = String(value)
    return text.replace(/[-.]/g, '').replace(/^0+/, '').length <= safeDigits ? Number(text) : text
  }
  return plain(value) ?? JsonDuckDBValueConverter(value, type, converter)
}

/** For tables and CSV: every value as text, nested ones as JSON; null stays null. */
export const toText: DuckDBValueConverter<string> = (value, type) => {
  if (value === null || value === undefined) return null
  const json = JsonDuckDBValueConverter(value, type, nested)
  if (json === null) return null
  return plain(value) ?? (typeof json === 'object' ? JSON.stringify(json) : String(json))
}

const nested: DuckDBValueConverter<Json> = (value, type, converter) =>
  plain(value) ?? JsonDuckDBValueConverter(value, type, converter)

function plain(value: DuckDBValue): string | undefined {
  return value instanceof DuckDBIntervalValue ? String(value) : undefined
}
