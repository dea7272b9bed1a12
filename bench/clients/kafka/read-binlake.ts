// Reads a topic as binlake does: record batches as bytes (connectors/kafka-fetch.ts, kafka-records.ts), spliced into spool files.
import { randomUUID } from 'node:crypto'
import { linkSync } from 'node:fs'
import pino from 'pino'
import { openKafka } from '../../../connectors/kafka.ts'
import { peakBytes, startClock } from '../rounds.ts'
import { digestOf, readTask } from './reading.ts'

const task = readTask()
const source = openKafka(
  {
    brokers: task.brokers,
    group: `binlake-bench-${randomUUID()}`,
    topicPrefix: task.topic,
    batch: { records: 250_000, bytes: 256e6, ageMs: 1_000 },
    spoolDir: task.folder,
  },
  pino({ enabled: false }),
)
const until = await source.ends()
const files: string[] = []
let rows = 0
let stopClock = startClock()
// The offsets are asked for right before the first fetch.
const offsets = async () => {
  stopClock = startClock()
  return new Map<number, bigint>()
}
for await (const { topics } of source.batches(offsets, { signal: new AbortController().signal, until })) {
  for (const { records, spool } of topics) {
    rows += records
    // The source removes a spool file once its batch is done with; the digest is made after the clock has stopped.
    linkSync(spool, `${spool}.kept`)
    files.push(`${spool}.kept`)
  }
}
const taken = stopClock()
const peak = peakBytes()
process.stdout.write(JSON.stringify({ rows, ...taken, peakBytes: peak, digest: await digestOf(files) }))
await source.close()
