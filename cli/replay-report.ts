// What a replay, a proof or a rollback found and did, in words.
// Guarantee: rows are named by tokens of their keys; only who asks for a token's key by name is shown it.
import type { FoundKey } from '../processors/replay/find-key.ts'
import type { ReplayPlan } from '../processors/replay/replay-plan.ts'
import type { Replayed } from '../processors/replay/replay-table.ts'
import type { RolledBack } from '../processors/replay/rollback.ts'

/** A line a table, and below it what differs. `done`: whether the rebuilt tables are in place. */
export function replayReport(replayed: readonly Replayed[], { done }: { done: boolean }): string {
  return replayed.flatMap(one => [`${one.table}: ${verdictOf(one, done)}`, ...detailsOf(one)].map(line => `${line}\n`)).join('')
}

/** What a replay would do. */
export function planReport(plans: readonly ReplayPlan[]): string {
  const lines = plans.flatMap(({ table, bronze, silver, byDesign, gold }) => {
    const all = { rows: 0, files: 0, bytes: 0 }
    for (const part of silver) for (const unit of ['rows', 'files', 'bytes'] as const) all[unit] += part[unit]
    return [
      `${table}: reads ${amount(bronze)} of bronze; writes silver, history and markers anew, now ${amount(all)}`,
      ...(byDesign.length > 0 ? [`  new by design: ${byDesign.join('; ')}`] : []),
      ...(gold.length > 0 ? [`  then refreshes ${gold.map(name => `gold.${name}`).join(', ')} if its rows change`] : []),
    ]
  })
  return `${[...lines, 'nothing was built or written'].join('\n')}\n`
}

/** Which keys a token stands for: data, for eyes that may see it. */
export function foundReport(found: readonly FoundKey[]): string {
  if (found.length === 0)
    return 'no key of silver has this token; was it made with another mask key, or of a table that was not named?\n'
  return found.map(({ table, key, in: places }) => `${table}: ${JSON.stringify(key)}, in ${places.join(', ')}\n`).join('')
}

/** What is back. */
export function rollbackReport(done: readonly RolledBack[]): string {
  const lines = done.map(
    ({ table, bronzeVersion, versions }) =>
      `${table}: silver's version ${versions.current} is back (history ${versions.history}, markers ${versions.deleted}); the next run goes on after bronze version ${bronzeVersion}\n`,
  )
  return `${lines.join('')}gold follows; the same command again takes this back\n`
}

function amount({ rows, files, bytes }: { rows: number; files: number; bytes: number }): string {
  const [size, unit] = bytes < 1e6 ? [bytes / 1e3, 'kB'] : bytes < 1e9 ? [bytes / 1e6, 'MB'] : [bytes / 1e9, 'GB']
  return `${count(rows, 'row')} in ${count(files, 'file')} (${size.toFixed(1)} ${unit})`
}

function verdictOf({ verdict, reason, proof, changes, bronzeVersion }: Replayed, done: boolean): string {
  const made = `${count(changes, 'change')}, up to bronze version ${bronzeVersion}`
  const rows = proof?.parts.reduce((sum, part) => sum + part.rows.rebuilt, 0) ?? 0
  switch (verdict) {
    case 'identical':
      return `identical (${count(rows, 'row')} in silver, history and markers; ${made})`
    case 'different':
      return `DIFFERENT from what bronze makes${reason ? `: ${reason}` : ''}${done ? '; now put right' : ''} (${made})`
    case 'new':
      return `${done ? 'built' : 'not in silver yet, nothing to compare'} (${made})`
    case 'failed':
      return `stands still: ${reason}`
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
