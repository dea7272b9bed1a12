// The verdicts of `verify` for people.
import type { TableVerdict } from '../processors/verify/verdict.ts'
import { differs, wasCompared } from '../processors/verify/verdict.ts'
import type { LakeVerdict } from '../processors/verify/verify-lake.ts'

const kinds = ['missing in silver', 'only in silver', 'different'] as const

export async function drawVerdicts({ equal, position, point, behind, tables }: LakeVerdict): Promise<string> {
  const { box } = await import('../sql/format.ts')
  const columns = ['table', 'MySQL', 'silver', ...kinds, 'verdict'].map(name => ({
    name,
    type: name === 'table' || name === 'verdict' ? 'VARCHAR' : 'BIGINT',
  }))
  const lines = tables.map(verdict => [
    verdict.table,
    verdict.rows.source.toLocaleString('en'),
    verdict.rows.silver.toLocaleString('en'),
    ...kinds.map(kind => (verdict.differences[kind] > 0 ? verdict.differences[kind].toLocaleString('en') : '')),
    wordOf(verdict),
  ])
  const examples = tables.flatMap(({ table, examples }) =>
    examples.map(
      ({ key, difference, columns }) => `${table} ${key}: ${difference}${columns.length > 0 ? ` (${columns.join(', ')})` : ''}`,
    ),
  )
  const more = tables.flatMap(({ failed, table, unsettled }) => [
    ...(failed ? [failed.reason] : []),
    ...(unsettled > 0
      ? [
          `${table}: ${unsettled.toLocaleString('en')} rows kept changing while they were looked at; none of them stayed different`,
        ]
      : []),
  ])
  const repairs = tables.flatMap(({ table, repair }) =>
    repair
      ? [
          `${table}: ${count(repair.found)} differences found, ${count(repair.mended)} mended (${count(repair.remade)} put back from bronze, ${count(repair.asked)} rows snapshotted again, ${count(repair.deleted)} deleted), ${count(repair.left)} left`,
          ...repair.notes,
        ]
      : [],
  )
  const late = [...new Set(tables.flatMap(({ behind: reason }) => reason ?? []))]
  const proven = tables.filter(wasCompared)
  const total = proven.reduce((sum, { rows }) => sum + rows.source, 0)
  const failed = tables.filter(one => one.failed).length
  const verdict = equal
    ? `equal: ${total.toLocaleString('en')} rows in ${proven.length} tables`
    : tables.some(differs)
      ? 'NOT equal'
      : behind
        ? 'not equal yet: the differences may be on their way'
        : `not proven: ${failed} of ${tables.length} tables could not be compared`
  return `${[box(columns, lines), ...examples, ...more, ...repairs, ...late, ...(point ? [`MySQL at ${position} (${point.how})`] : []), verdict].join('\n')}\n`
}

function wordOf({ equal, compared, skipped, behind, failed }: TableVerdict): string {
  if (failed) return `FAILED: ${failed.code}`
  if (skipped !== undefined) return `not compared: ${skipped}`
  if (equal) return compared === 'at the position' ? 'equal at that position' : 'equal'
  return behind === undefined ? 'DIFFERENT' : 'differs, but silver is behind'
}

function count(n: number): string {
  return n.toLocaleString('en')
}
