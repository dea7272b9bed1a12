// Writes lines of text to Parquet with parquetjs-lite, a JavaScript object a row.
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import parquet from 'parquetjs-lite'
import { peakBytes, startClock } from '../rounds.ts'
import type { ColumnKind } from './shapes.ts'
import { measured, rowGroupSize, shapeOf, writeTask } from './writing.ts'

const types: Record<ColumnKind, string> = { long: 'INT64', text: 'UTF8', time: 'TIMESTAMP_MILLIS' }
const parse: Record<ColumnKind, (text: string) => unknown> = {
  long: Number,
  text: text => text,
  time: text => new Date(Number(text)),
}

const task = writeTask()
const shape = shapeOf(task)
const columns = Object.entries(shape.columns)
const compression = task.compression.toUpperCase()
const schema = new parquet.ParquetSchema(
  Object.fromEntries(columns.map(([name, kind]) => [name, { type: types[kind], optional: true, compression }])),
)
const file = join(task.folder, 'rows.parquet')
const stopClock = startClock()
const writer = await parquet.ParquetWriter.openFile(schema, file, { rowGroupSize })
for await (const line of createInterface({ input: createReadStream(task.lines, { highWaterMark: 1 << 20 }) })) {
  const texts = line.split('\x1f')
  const row: Record<string, unknown> = {}
  for (let i = 0; i < columns.length; i++) row[columns[i]![0]] = parse[columns[i]![1]](texts[i]!)
  await writer.appendRow(row)
}
await writer.close()
const taken = { ...stopClock(), peakBytes: peakBytes() }
process.stdout.write(JSON.stringify(await measured(file, shape, taken)))
