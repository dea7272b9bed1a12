// The results as a Markdown table: medians, the spread of the rounds, and ratios to the first contender of the same work.
import type { Contender, Measured, Results } from './rounds.ts'

export function table(results: Results): string {
  const withFiles = [...results.values()].some(rounds => rounds[0]?.fileBytes !== undefined)
  const head = [
    '',
    'rows/s, median (min–max)',
    'speed',
    'CPU µs/row, median',
    'CPU',
    'peak MB, median',
    'memory',
    ...(withFiles ? ['file MB', 'size'] : []),
  ]
  const rows = [...results].map(([contender, rounds]) => {
    const base = results.get(baseOf(contender, results))!
    const ratio = (of: (measured: Measured) => number) => `${(median(rounds.map(of)) / median(base.map(of))).toFixed(2)}×`
    const rates = rounds.map(rate)
    const cells = [
      contender.name,
      `${thousands(median(rates))} (${thousands(Math.min(...rates))}–${thousands(Math.max(...rates))})`,
      ratio(rate),
      figures(median(rounds.map(cpu))),
      ratio(cpu),
      megabytes(median(rounds.map(({ peakBytes }) => peakBytes))),
      ratio(({ peakBytes }) => peakBytes),
    ]
    return withFiles ? [...cells, megabytes(rounds[0]!.fileBytes ?? 0), ratio(({ fileBytes }) => fileBytes ?? 0)] : cells
  })
  const lines = [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows]
  return lines.map(cells => `| ${cells.join(' | ')} |\n`).join('')
}

function baseOf({ work }: Contender, results: Results): Contender {
  return [...results.keys()].find(other => other.work === work)!
}

function rate({ rows, seconds }: Measured): number {
  return rows / seconds
}

/** Two digits: a measurement on a busy machine tells no more. */
function figures(value: number): string {
  return value < 10 ? value.toPrecision(2) : value.toFixed(0)
}

/** Microseconds. */
function cpu({ rows, cpuSeconds }: Measured): number {
  return (cpuSeconds * 1e6) / rows
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2
}

function thousands(perSecond: number): string {
  return `${Math.round(perSecond / 1_000)}k`
}

function megabytes(bytes: number): string {
  return bytes >= 1e8 ? (bytes / 1e6).toFixed(0) : (bytes / 1e6).toFixed(1)
}
