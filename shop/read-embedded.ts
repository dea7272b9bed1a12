// Reads the embedded shop's tables, the counterpart of SELECT on a server. They were written beside the log, not from it.
// Guarantee: every row once, as it stood after the last whole transaction; memory does not grow with the table.
import { crc32 } from 'node:zlib'
import { type Frame, keyText, valueText } from '../connectors/embedded-frame.ts'
import { PartitionReader } from '../connectors/embedded-reader.ts'
import { noTopic, partitionFile, readTopic } from '../connectors/embedded-topics.ts'
import { shopTable } from './tables.ts'

/** Every column of the table, as MySQL prints it. */
export type TextRow = Record<string, string | null>

/** The topic that holds what the shop knows about itself. It is not Debezium's: no source reads it. */
export const stateTopic = '_shop'

/** As many versions of rows as are looked at in one pass; a longer history is read in several. */
const versionsPerPass = 200_000

/** The topic that holds a table's rows: key, and a list of values or null for a row that was deleted. */
export function tableTopic(table: string): string {
  return `${stateTopic}.${table}`
}

/** The rows of one of the shop's tables, in no order. `dir` is the embedded log's folder. Throws EmbeddedLogError. */
export async function* readEmbeddedTable(dir: string, table: string): AsyncGenerator<TextRow, void, undefined> {
  const names = shopTable(table).columns.map(({ name }) => name)
  const topic = tableTopic(table)
  if (!readTopic(dir, topic)) throw noTopic(dir, topic)
  const file = partitionFile(dir, topic, 0)
  const end = versionsIn(file)
  const passes = Math.max(1, Math.ceil(end / versionsPerPass))
  for (let pass = 0; pass < passes; pass++) {
    for (const values of newest(file, { end, mine: key => crc32(key) % passes === pass }).values()) {
      const list: (string | null)[] = JSON.parse(values)
      yield Object.fromEntries(names.map((name, index) => [name, list[index]!]))
    }
  }
}

function versionsIn(file: string): number {
  const reader = new PartitionReader(file)
  try {
    return reader.skipToEnd()
  } finally {
    reader.close()
  }
}

/** Later versions are left out: every pass must see the same table. */
function newest(file: string, { end, mine }: { end: number; mine: (key: string) => boolean }): Map<string, string> {
  const rows = new Map<string, string>()
  const reader = new PartitionReader(file)
  const take = (frame: Frame) => {
    const key = keyText(frame)!
    if (!mine(key)) return
    const values = valueText(frame)
    if (values === null) rows.delete(key)
    else rows.set(key, values)
  }
  try {
    reader.read(frame => {
      if (frame.offset < end) take(frame)
      return frame.offset + 1 < end
    })
  } finally {
    reader.close()
  }
  return rows
}
