// How one row came to be, as a page to read from top to bottom.
// Guarantee: prints values only where the explanation holds them.
import type { ExplainedEvent } from '../processors/explain/events-of-key.ts'
import type { Explanation } from '../processors/explain/explain.ts'
import type { FedModel } from '../processors/explain/gold-of-key.ts'
import type { HeldRow } from '../processors/explain/silver-of-key.ts'

export async function explainReport(explained: Explanation): Promise<string> {
  const { box } = await import('../sql/format.ts')
  const text = (names: string[]) => names.map(name => ({ name, type: 'VARCHAR' }))
  const { table, key, events, quarantined, halted, columns, silver, decisions, gold } = explained
  const name = Object.entries(key)
    .map(([column, value]) => `${column} = ${value}`)
    .join(', ')
  const lines = [
    `${table}, ${name} (as silver has it)`,
    '',
    `${count(events.length, 'event')} in bronze, in the order in which they count`,
    box(text(['place', 'op', 'Kafka time', 'binlog', 'GTID', 'verdict']), events.map(eventCells)),
    ...events.map(
      ({ partition, offset, outcome, why, waits, differs }) =>
        `  ${partition}:${offset}  ${outcome}: ${why}${waits ? ' (silver has not taken it yet)' : ''}${differs ? ' (the rule alone says otherwise: please report this)' : ''}`,
    ),
    ...events.flatMap(({ partition, offset, value }) =>
      value === undefined ? [] : [`  ${partition}:${offset}  value: ${value}`],
    ),
    ...quarantined.map(
      ({ partition, offset, reason, settled }) => `  ${partition}:${offset}  in quarantine: ${reason}, ${settled ?? 'waits'}`,
    ),
    ...(halted === undefined ? [] : ['', `the table stands still here: ${halted}`]),
    '',
    'rules of the policy',
    box(
      text(['column', 'type', 'rule', 'in silver']),
      columns.map(column => [
        `${column.column}${column.key ? ' (key)' : ''}`,
        column.type,
        column.rule,
        column.silver.join(', ') || '-',
      ]),
    ),
    '',
    ...silverLines(explained),
    ...(silver.taken < silver.bronzeVersion
      ? [`silver has taken bronze up to version ${silver.taken} of ${silver.bronzeVersion}`]
      : []),
    ...historyLines(explained, rows => box(text(['seq', 'op', 'valid from', 'valid to']), rows)),
    ...(decisions.length === 0 ? [] : ['', 'decisions']),
    ...decisions.map(({ at, kind, words }) => `  ${moment(at)}  ${kind}: ${words}`),
    ...(gold === undefined
      ? []
      : ['', 'gold', ...(gold.length === 0 ? ['  no model reads the table'] : gold.flatMap(goldLines))]),
  ]
  return `${lines.join('\n')}\n`
}

function eventCells({
  partition,
  offset,
  op,
  snapshot,
  kafkaTs,
  file,
  pos,
  row,
  gtid,
  txOrder,
  outcome,
}: ExplainedEvent): string[] {
  const kind = snapshot === null || snapshot === 'false' ? op : `${op} (snapshot ${snapshot})`
  return [
    `${partition}:${offset}`,
    kind,
    moment(kafkaTs),
    file === null ? '' : `${file}:${pos}${row ? ` row ${row}` : ''}`,
    gtid === null ? '' : `${gtid}${txOrder === null ? '' : ` #${txOrder}`}`,
    outcome,
  ]
}

function silverLines({ silver: { row, marker } }: Explanation): string[] {
  if (row) return [`silver: ${heldIn(row)}`, ...valuesOf(row)]
  if (marker) return [`silver: no row; deleted. Its marker: ${heldIn(marker)}`]
  return ['silver: no row']
}

function heldIn({ table, version, file, since, partition, offset, validFrom }: HeldRow): string {
  const brought = since === undefined ? '' : `, brought by version ${since}`
  return `${table}/${file}${brought} (now at version ${version}); from event ${partition}:${offset}, valid since ${moment(validFrom)}`
}

function valuesOf({ values }: HeldRow): string[] {
  return values ? [`  ${JSON.stringify(values)}`] : []
}

function historyLines({ silver: { history } }: Explanation, box: (rows: string[][]) => string): string[] {
  if (history.length === 0) return []
  const rows = history.map(({ seq, op, validFrom, validTo }) => [
    String(seq),
    op,
    moment(validFrom),
    validTo ? moment(validTo) : ['d', 't'].includes(op) ? '' : 'now',
  ])
  const values = history.flatMap(({ seq, values: held }) => (held ? [`  ${seq}: ${JSON.stringify(held)}`] : []))
  return ['', `${count(history.length, 'version')} in history`, box(rows), ...values]
}

function goldLines({ model, rows, instead, examples, failed }: FedModel): string[] {
  if (failed) return [`  gold.${model}: could not be evaluated (${failed})`]
  if (rows === 0 && instead === 0) return [`  gold.${model}: no row depends on it`]
  const without = instead > 0 ? `; without it ${count(instead, 'other row')} would be there` : ''
  return [
    `  gold.${model}: ${count(rows, 'row')} ${rows === 1 ? 'depends' : 'depend'} on it${without}`,
    ...(examples ?? []).map(example => `    ${JSON.stringify(example)}`),
  ]
}

function moment(at: Date): string {
  return at.toISOString().slice(0, 23).replace('T', ' ')
}

function count(n: number, noun: string): string {
  return `${n.toLocaleString('en')} ${noun}${n === 1 ? '' : 's'}`
}
