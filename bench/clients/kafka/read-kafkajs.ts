// Reads a topic with kafkajs, batch by batch: its quickest way.
import { randomUUID } from 'node:crypto'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import kafkajs from 'kafkajs'
import { headersText, readTask, Taker } from './reading.ts'

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs

// kafkajs has no zstd of its own; this is the codec that its users must bring.
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async ({ buffer }: { buffer: Buffer }) => zstdCompressSync(buffer),
  decompress: async (buffer: Buffer) => zstdDecompressSync(buffer, { chunkSize: 1 << 18 }),
})

const task = readTask()
const taker = new Taker(task)
const kafka = new Kafka({ clientId: 'binlake-bench', brokers: task.brokers, logLevel: logLevel.ERROR })
const consumer = kafka.consumer({ groupId: `binlake-bench-${randomUUID()}`, maxBytesPerPartition: 2 << 20, maxWaitTimeInMs: 250 })
consumer.on(consumer.events.GROUP_JOIN, () => taker.start())
await consumer.connect()
await consumer.subscribe({ topic: task.topic, fromBeginning: true })
await consumer.run({
  autoCommit: false,
  eachBatch: async ({ batch }) => {
    for (const { offset, timestamp, headers, key, value } of batch.messages) {
      const list = headers && task.spool ? Object.entries(headers).map(([name, header]) => [name, header as Buffer] as const) : []
      taker.take(Number(offset), Number(timestamp), headersText(list), key, value)
    }
  },
})
await taker.done
process.stdout.write(JSON.stringify(await taker.measured()))
await consumer.disconnect()
