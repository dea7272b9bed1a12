// What a replay found, in words.
// Guarantee: rows are named by tokens of their keys; no value is printed.
import type { Replayed } from '../processors/replay-table.ts'

/** A line a table, and below it what differs. `done`: whether the rebuilt tables are in place. */
export function replayReport(replayed: readonly Replayed[], { done }: { done: boolean }): string {
  return replayed.flatMap(one => [`${one.table}: ${verdictOf(one, done)}`, ...detailsOf(one)].map(line => `${line}\n`)).join('')
}

function verdictOf({ verdict, reason, proof, changes, bronzeVersion }: Replayed, done: boolean): string {
  const made = `${count(changes, 'change')}, up to bronze version ${bronzeVersion}`
  const rows = proof?.parts.reduce((sum, part) => sum + part.rows.rebuilt, 0) ?? 0
  switch (verdict) {
    case 'identical':
      return `identical (${count(rows, 'row')} in silver, history and markers; ${made})`
    case 'different':
      return `DIFFERENT from what bronze makes${done ? '; now put right' : ''} (${made})`
    case 'new':
      return `${done ? 'built' : 'not in silver yet, nothing to compare'} (${made})`
    case 'not compared':
      return `${done ? 'rebuilt, ' : ''}not compared: ${reason} (${made})`
  }
}

function detailsOf({ proof }: Replayed): string[] {
  if (!proof) return []
  const byDesign = proof.byDesign.length > 0 ? [`  new by design, not compared: ${proof.byDesign.join('; ')}`] : []
  const damaged = proof.parts
    .filter(({ equal }) => !equal)
    .flatMap(({ table, rows, differences, examples }) => [
      `  ${table}: ${count(rows.live, 'row')}, of bronze ${rows.rebuilt.toLocaleString('en')}; ${differences.different.toLocaleString('en')} different, ` +
        `${differences.missing.toLocaleString('en')} missing, ${differences.extra.toLocaleString('en')} too many`,
      ...examples.map(
        ({ key, difference, columns }) =>
          `    ${key}: ${difference === 'extra' ? 'too many' : difference}${columns.length > 0 ? ` (${columns.join(', ')})` : ''}`,
      ),
    ])
  return [...byDesign, ...damaged]
}

function count(n: number, noun: string): string {
  return `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`
}
