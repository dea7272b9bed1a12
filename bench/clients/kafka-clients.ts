// Which Kafka client: kafkajs, @platformatic/kafka's stream, or record batches as bytes (docs/decisions/0001-kafka-client.md).
// Needs a broker in BINLAKE_KAFKA_BROKERS. Makes a topic of its own and deletes it, or reads the one given with --topic.
import { parseArgs } from 'node:util'
import type { CompressionAlgorithmValue } from '@platformatic/kafka'
import type { ReadTask } from './kafka/reading.ts'
import { deleteTopic, fillTopic } from './kafka/topic.ts'
import { type Contender, runOnce, runRounds } from './rounds.ts'
import { table } from './table.ts'

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '300000' },
    compression: { type: 'string', default: 'zstd' },
    rounds: { type: 'string', default: '5' },
    topic: { type: 'string' },
  },
})
const brokers = (process.env.BINLAKE_KAFKA_BROKERS ?? 'localhost:9092').split(',')
const say = (text: string) => void process.stderr.write(text)

const topic = values.topic ?? `binlake-bench-${process.pid}`
if (values.topic === undefined) {
  say(`filling topic ${topic} with ${values.events} events\n`)
  const compression = values.compression as CompressionAlgorithmValue
  await fillTopic(brokers, topic, { events: Number(values.events), compression }).catch(cause => {
    throw new Error(`no topic could be filled at ${brokers.join(', ')}: is a broker there? BINLAKE_KAFKA_BROKERS names it`, {
      cause,
    })
  })
}
try {
  // The first reading counts the records, and brings the topic into the page cache for all.
  const { rows: records } = await runOnce(contender('binlake', 'read-binlake', { spool: true, records: 0 }))
  const contenders = [
    contender('kafkajs, counted', 'read-kafkajs', { spool: false, records }),
    contender('@platformatic/kafka, counted', 'read-platformatic', { spool: false, records }),
    contender('kafkajs, to spool', 'read-kafkajs', { spool: true, records }),
    contender('@platformatic/kafka, to spool', 'read-platformatic', { spool: true, records }),
    contender('record batches, to spool (binlake)', 'read-binlake', { spool: true, records }),
  ]
  const results = await runRounds(contenders, Number(values.rounds), say)
  process.stdout.write(`\n${records} records\n\n${table(results)}`)
} finally {
  if (values.topic === undefined) await deleteTopic(brokers, topic)
}

function contender(name: string, script: string, { spool, records }: { spool: boolean; records: number }): Contender {
  const task: ReadTask = { brokers, topic, records, spool }
  return { name, script: `kafka/${script}.ts`, task, work: spool ? 'spool' : 'count' }
}
