// Schemas in words.
import type { Judgement } from '../processors/schema/judgement.ts'
import type { ShownTable } from '../processors/schema/shown.ts'

/** A table a paragraph: its versions, oldest first. */
export function schemaReport(tables: readonly ShownTable[]): string {
  if (tables.length === 0) return 'no schema change has told of a table yet\n'
  return tables.map(paragraph).join('\n')
}

function paragraph({ table, versions, held, differs }: ShownTable): string {
  const lines = [table]
  for (const { id, state, verdict, changes } of versions) {
    const how = verdict
      ? verdict === 'approve'
        ? 'approved'
        : 'rejected'
      : { taken: 'taken', held: 'HELD', behind: 'waits behind it' }[state]
    const what =
      changes.length === 0 ? ['the first known'] : changes.map(({ kind, mode, detail }) => `${detail} (${kind}: ${mode})`)
    lines.push(`  ${id.padEnd(28)} ${how}`, ...what.map(text => `      ${text}`))
  }
  if (held) {
    const places = held.from.map(({ partition, offset }) => `${partition}:${offset}`).join(', ')
    lines.push(
      `  silver waits${places ? ` from ${places} (partition:offset) on` : '; no event has come since'}; go on with \`binlake schema approve ${table}\` or \`reject\``,
    )
  }
  for (const difference of differs) lines.push(`  MySQL's information_schema differs from the newest version: ${difference}`)
  return `${lines.join('\n')}\n`
}

/** What a word would do. */
export function judgementReport({ table, change, verdict, source, silver, history, gold, policy, next }: Judgement): string {
  const part = (label: string, texts: readonly string[]) => texts.map((text, i) => `  ${(i === 0 ? label : '').padEnd(9)}${text}`)
  return [
    `${table}: to ${verdict} the change at ${change}`,
    ...part('source', source),
    ...part('silver', silver),
    ...part('history', history),
    ...part('gold', [gold.length > 0 ? `read by ${gold.join(', ')}` : 'no model reads it']),
    ...part('policy', policy.length > 0 ? policy : ['nothing changes']),
    ...part('next', next ? [next] : []),
    '',
  ].join('\n')
}
