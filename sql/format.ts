// A query's result as text: a table for people, JSON or CSV for machines.
// Guarantee: control characters of a value never reach the terminal, and JSON and CSV are written as rows come, whatever their number.
import type { Json } from '@duckdb/node-api'
import Table from 'cli-table3'
import type { QueryResult } from './query.ts'
import { toJson, toText } from './values.ts'

export type Format = 'table' | 'json' | 'csv'

export interface TableOptions {
  /** Rows shown in a table; 0 shows all. */
  maxRows: number
}

export interface Rendered {
  rows: number
  /** Rows were left out. */
  cut: boolean
}

/** Characters of a cell in a table; the rest is an ellipsis. */
const maxCell = 100
const numeric = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL|FLOAT|DOUBLE)/

/** Writes a result with `print` and says how many rows it had. */
export async function render(
  result: QueryResult,
  format: Format,
  options: TableOptions & { print(text: string): Promise<void> },
): Promise<Rendered> {
  if (format === 'json') return json(result, options.print)
  if (format === 'csv') return csv(result, options.print)
  return table(result, options)
}

async function table(
  result: QueryResult,
  { maxRows, print }: TableOptions & { print(text: string): Promise<void> },
): Promise<Rendered> {
  const shown: (string | null)[][] = []
  let cut = false
  for await (const rows of result.rows(toText)) {
    shown.push(...rows)
    cut = maxRows > 0 && shown.length > maxRows
    if (cut) break
  }
  if (cut) shown.length = maxRows
  await print(`${box(result.columns, shown)}\n`)
  return { rows: shown.length, cut }
}

/** Draws a table: numbers to the right, NULL as an empty cell. */
export function box(columns: readonly { name: string; type: string }[], rows: readonly (string | null)[][]): string {
  const drawn = new Table({
    head: columns.map(({ name }) => cell(name)),
    colAligns: columns.map(({ type }) => (numeric.test(type) ? 'right' : 'left')),
    style: { head: [], border: [], compact: true },
  })
  drawn.push(...rows.map(row => row.map(value => cell(value ?? ''))))
  return drawn.toString()
}

function cell(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not pass
  const visible = text.replace(/[\x00-\x1f\x7f-\x9f]/g, char =>
    JSON.stringify(char)
      .slice(1, -1)
      .replace(/^[\x7f-\x9f]$/, control),
  )
  return visible.length > maxCell ? `${visible.slice(0, maxCell - 1)}…` : visible
}

function control(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
}

async function json(result: QueryResult, print: (text: string) => Promise<void>): Promise<Rendered> {
  const names = result.columns.map(({ name }) => name)
  let count = 0
  for await (const rows of result.rows<Json>(toJson)) {
    const lines = rows.map(row => JSON.stringify(Object.fromEntries(row.map((value, i) => [names[i], value]))))
    if (lines.length > 0) await print(`${count === 0 ? '[' : ',\n '}${lines.join(',\n ')}`)
    count += lines.length
  }
  await print(count === 0 ? '[]\n' : ']\n')
  return { rows: count, cut: false }
}

async function csv(result: QueryResult, print: (text: string) => Promise<void>): Promise<Rendered> {
  let count = 0
  await print(`${result.columns.map(({ name }) => field(name)).join(',')}\n`)
  for await (const rows of result.rows(toText)) {
    count += rows.length
    await print(rows.map(row => `${row.map(field).join(',')}\n`).join(''))
  }
  return { rows: count, cut: false }
}

/** RFC 4180; NULL is nothing, the empty string is `""`. */
function field(value: string | null): string {
  if (value === null) return ''
  return value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value
}
