// Rows named by their keys, as a condition in MySQL's own words; also what a snapshot signal is given.
// Guarantee: no value can end its literal early, whatever it holds; neighbouring whole numbers become ranges.
import type { KeyColumn, RowKeys } from './source-rows.ts'

/** A condition that is true for the rows of these keys and no others. */
export function keysCondition({ columns, keys }: RowKeys): string {
  if (keys.length === 0) return 'FALSE'
  const [column] = columns
  if (columns.length === 1 && column!.as === 'number' && keys.every(([text]) => /^-?\d+$/.test(text!)))
    return wholeNumbers(
      quoted(column!.name),
      keys.map(([text]) => BigInt(text!)),
    )
  if (columns.length === 1) return `${quoted(column!.name)} IN (${keys.map(([text]) => literal(text!, column!)).join(', ')})`
  const rows = keys.map(key => columns.map((each, i) => `${quoted(each.name)} = ${literal(key[i]!, each)}`).join(' AND '))
  return rows.map(row => `(${row})`).join(' OR ')
}

function wholeNumbers(name: string, numbers: readonly bigint[]): string {
  const sorted = [...new Set(numbers)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  const runs: [bigint, bigint][] = []
  for (const number of sorted) {
    const last = runs.at(-1)
    if (last && number === last[1] + 1n) last[1] = number
    else runs.push([number, number])
  }
  const single = runs.filter(([from, to]) => to - from < 2n).flatMap(([from, to]) => (from === to ? [from] : [from, to]))
  const ranges = runs.filter(([from, to]) => to - from >= 2n).map(([from, to]) => `${name} BETWEEN ${from} AND ${to}`)
  return [...ranges, ...(single.length > 0 ? [`${name} IN (${single.join(', ')})`] : [])].join(' OR ')
}

/** Text goes as hexadecimal digits, which no sql_mode reads otherwise. */
function literal(text: string, { as }: KeyColumn): string {
  if (as === 'number' && /^-?\d+(\.\d+)?$/.test(text)) return text
  if (as === 'hex') return `X'${/^[0-9A-Fa-f]*$/.test(text) ? text : ''}'`
  return `_utf8mb4 X'${Buffer.from(text, 'utf8').toString('hex')}'`
}

export function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}
