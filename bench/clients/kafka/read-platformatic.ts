// Reads a topic with @platformatic/kafka's stream of messages, by its `data` event: its quickest way with an object a record.
import { randomUUID } from 'node:crypto'
import { Consumer } from '@platformatic/kafka'
import { headersText, readTask, Taker } from './reading.ts'

const task = readTask()
const taker = new Taker(task)
const consumer = new Consumer<Buffer, Buffer, Buffer, Buffer>({
  clientId: 'binlake-bench',
  bootstrapBrokers: task.brokers,
  groupId: `binlake-bench-${randomUUID()}`,
  maxBytesPerPartition: 2 << 20,
  maxWaitTime: 250,
})
const stream = await consumer.consume({ topics: [task.topic], mode: 'earliest', autocommit: false })
taker.start()
stream.on('data', ({ offset, timestamp, headers, key, value }) => {
  const list = task.spool ? [...headers].map(([name, header]) => [name.toString(), header] as const) : []
  taker.take(offset, Number(timestamp), headersText(list), key ?? null, value ?? null)
})
await taker.done
process.stdout.write(JSON.stringify(await taker.measured()))
await stream.close()
await consumer.close()
