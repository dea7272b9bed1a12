// The benchmark's topic: one partition of made-up events, in batches of the size that binlake's connector setting asks for.
import { Admin, type CompressionAlgorithmValue, Producer, stringSerializers } from '@platformatic/kafka'
import { debeziumEvent } from '../debezium-event.ts'

/** infra/debezium/mysql.json asks for `batch.size` 262,144 bytes: about this many events of 1 KB. */
const perBatch = 256
const batchesInFlight = 4

/** Makes the topic and fills it. */
export async function fillTopic(
  brokers: readonly string[],
  topic: string,
  { events, compression }: { events: number; compression: CompressionAlgorithmValue },
): Promise<void> {
  const client = { clientId: 'binlake-bench', bootstrapBrokers: [...brokers] }
  const admin = new Admin(client)
  const producer = new Producer({ ...client, serializers: stringSerializers })
  try {
    await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 })
    for (let at = 0; at < events; at += perBatch * batchesInFlight) {
      const starts = Array.from({ length: batchesInFlight }, (_, i) => at + i * perBatch).filter(start => start < events)
      await Promise.all(
        starts.map(start => {
          const count = Math.min(perBatch, events - start)
          const messages = Array.from({ length: count }, (_, i) => ({ topic, partition: 0, ...debeziumEvent(start + i) }))
          return producer.send({ messages, compression, acks: 1 })
        }),
      )
    }
  } finally {
    await producer.close()
    await admin.close()
  }
}

export async function deleteTopic(brokers: readonly string[], topic: string): Promise<void> {
  const admin = new Admin({ clientId: 'binlake-bench', bootstrapBrokers: [...brokers] })
  await admin.deleteTopics({ topics: [topic] })
  await admin.close()
}
