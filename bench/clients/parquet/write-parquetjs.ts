// Writes a spool file's lines to Parquet with parquetjs-lite, a JavaScript object a row.
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import parquet from 'parquetjs-lite'
import { peakBytes, startClock } from '../rounds.ts'
import { measured, rowGroupSize, writeTask } from './writing.ts'

const task = writeTask()
const file = join(task.folder, 'rows.parquet')
const compression = task.compression.toUpperCase()
const schema = new parquet.ParquetSchema({
  partition: { type: 'INT32', compression },
  offset: { type: 'INT64', compression },
  kafka_ts: { type: 'TIMESTAMP_MILLIS', compression },
  key: { type: 'UTF8', optional: true, compression },
  value: { type: 'UTF8', optional: true, compression },
})
const stopClock = startClock()
const writer = await parquet.ParquetWriter.openFile(schema, file, { rowGroupSize })
for await (const line of createInterface({ input: createReadStream(task.spool, { highWaterMark: 1 << 20 }) })) {
  const [partition, offset, timestamp, , key, value] = line.split('\x1f')
  await writer.appendRow({
    partition: Number(partition),
    offset: Number(offset),
    kafka_ts: new Date(Number(timestamp)),
    key,
    value,
  })
}
await writer.close()
const taken = { ...stopClock(), peakBytes: peakBytes() }
process.stdout.write(JSON.stringify(await measured(file, taken)))
