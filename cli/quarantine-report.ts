// What waits in quarantine and what was done about it, in words.
// Guarantee: a record's bytes are shown only where a report is given them.
import type { QuarantineGroup, QuarantineRecord } from '../processors/quarantine/records.ts'
import type { ReplayedRecords } from '../processors/quarantine/replay-records.ts'

/** A table of what waits; what is settled in a column of its own. */
export async function listReport(groups: readonly QuarantineGroup[]): Promise<string> {
  if (groups.length === 0) return 'nothing is in quarantine\n'
  const { box } = await import('../sql/format.ts')
  const texts = new Set(['table', 'reason', 'step', 'waits since', 'settled'])
  const names = ['table', 'reason', 'step', 'partition', 'waiting', 'first', 'last', 'waits since', 'settled']
  const columns = names.map(name => ({ name, type: texts.has(name) ? 'VARCHAR' : 'BIGINT' }))
  const rows = groups.map(group => [
    group.table,
    group.reason,
    group.step,
    String(group.partition),
    group.open.toLocaleString('en'),
    group.first === null ? '' : String(group.first),
    group.last === null ? '' : String(group.last),
    group.since ? group.since.toISOString().slice(0, 19).replace('T', ' ') : '',
    [group.mended > 0 ? `${group.mended} mended` : '', group.dropped > 0 ? `${group.dropped} dropped` : '']
      .filter(Boolean)
      .join(', '),
  ])
  return `${box(columns, rows)}\n`
}

/** A record's place and fate; its bytes if they are given. */
export function showReport(records: readonly (QuarantineRecord & { key?: string | null; value?: string | null })[]): string {
  if (records.length === 0) return 'nothing was set aside there\n'
  return records.map(record => `${linesOf(record).join('\n')}\n`).join('\n')
}

function linesOf(record: QuarantineRecord & { key?: string | null; value?: string | null }): string[] {
  const { topic, partition, offset, kafkaTs, reason, step, since, settled, settledAt, because } = record
  const when = (moment: Date | null) => (moment ? `${moment.toISOString().slice(0, 19).replace('T', ' ')} UTC` : 'not noted')
  const bytes = (count: number | null) => (count === null ? 'null' : `${count.toLocaleString('en')} bytes`)
  return [
    `${topic} ${partition}:${offset}, in Kafka since ${when(kafkaTs)}`,
    `set aside by ${step}: ${reason} (${when(since)})`,
    settled ? `${settled} ${when(settledAt)}${because ? `: ${because}` : ''}` : 'waits',
    `key ${bytes(record.keyBytes)}, value ${bytes(record.valueBytes)}`,
    ...('key' in record ? [`key:   ${shown(record.key)}`, `value: ${shown(record.value)}`] : []),
  ]
}

/** Bytes as text where they are text, else as hexadecimal digits; control characters would move the terminal's cursor. */
function shown(hex: string | null | undefined): string {
  if (hex === null || hex === undefined) return 'null'
  const bytes = Buffer.from(hex, 'hex')
  const text = bytes.toString()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return Buffer.from(text).equals(bytes) && !/[\x00-\x1f\x7f-\x9f]/.test(text) ? text : `0x${hex.toLowerCase()}`
}

/** What a replay brought in. */
export function replayedReport({ table, mended, left, waits }: ReplayedRecords): string {
  const lines = [`${table}: ${records(mended)} mended`]
  for (const [reason, n] of left) lines.push(`  ${records(n)} still ${n === 1 ? 'does' : 'do'} not fit: ${reason}`)
  if (waits) lines.push(`  silver takes them later (${waits.code}): ${waits.reason}`)
  return `${lines.join('\n')}\n`
}

/** What was given up. */
export function droppedReport(table: string, dropped: number): string {
  return `${table}: ${records(dropped)} dropped; their bytes are gone from quarantine's newest version\n`
}

function records(n: number): string {
  return `${n.toLocaleString('en')} record${n === 1 ? '' : 's'}`
}
