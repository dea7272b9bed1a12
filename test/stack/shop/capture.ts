// A Debezium connector of a test's own on one database, and the events it publishes.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Admin, Consumer } from '@platformatic/kafka'
import { ensureConnector } from '../../../infra/debezium/connector.ts'
import type { RecordedEvent } from '../../unit/shop/plain-event.ts'
import { removeConnector, removeTopics } from './remove-connector.ts'
import type { ShopStack } from './stack.ts'

export type Captured = RecordedEvent[]

export interface Capture {
  /** Everything published, once that many transactions have ended; by topic and offset. */
  events(expected: { transactions: number }): Promise<Captured>
  close(): Promise<void>
}

/** Returns when the initial snapshot has been taken. */
export async function startCapture(stack: ShopStack, names: { database: string; prefix: string }): Promise<Capture> {
  const { prefix, database } = names
  // Connect remembers how far a connector got by its name, even after it has gone.
  const name = `${prefix}-${randomUUID()}`
  const admin = new Admin({ clientId: name, bootstrapBrokers: [stack.brokers] })
  const ours = (topic: string) => belongs(topic, prefix)
  await removeTopics(admin, ours)
  const wanted = await stack.connector(names)
  const settings = Object.entries(wanted).filter(([setting]) => !setting.startsWith('signal.'))
  // A server id of its own: MySQL hangs up on the older of two replicas with one.
  const config: Record<string, string> = {
    ...Object.fromEntries(settings),
    'database.server.id': String(200_000 + Math.floor(Math.random() * 1e6)),
  }
  const tables = `${database}\\.(customers|sellers|products|orders|order_items|payments|reasons|cart_events|touches)`
  const own = { 'table.include.list': tables, 'schema.history.internal.store.only.captured.databases.ddl': 'true' }
  await ensureConnector(stack.connectUrl, { name, config: { ...config, ...own } })
  const notifications = config['notification.sink.topic.name']!
  await waitFor(async () => (await read(stack, [notifications])).some(({ value }) => value!.includes('"COMPLETED"')))
  return {
    async events({ transactions }) {
      let events: Captured = []
      await waitFor(async () => {
        const topics = (await admin.listTopics()).filter(topic => topic === prefix || topic.startsWith(`${prefix}.`)).sort()
        const before = events.length
        events = ofDatabase(await read(stack, topics), names)
        // A connector's transaction becomes visible topic by topic: wait until nothing is missing and nothing comes any more.
        return events.length === before && complete(events, transactions)
      })
      return events
    },
    async close() {
      await removeConnector(stack.connectUrl, name, { admin, ours })
      await admin.close()
    },
  }
}

/** Without other databases' schema changes, and without transactions that touched no captured table: others use the server too. */
function ofDatabase(events: Captured, { prefix, database }: { prefix: string; database: string }): Captured {
  const ends = events.filter(({ value }) => value!.startsWith('{"status":"END"')).map(({ value }) => JSON.parse(value!))
  const empty = new Set(ends.filter(({ event_count }) => event_count === 0).map(({ id }) => `{"id":"${id}"}`))
  const schemaKeys = [`{"databaseName":"${database}"}`, '{"databaseName":""}']
  return events.filter(({ topic, key }) => {
    if (topic === prefix) return schemaKeys.includes(key!)
    return topic !== `${prefix}.transaction` || !empty.has(key!)
  })
}

/** All those transactions have ended, and each event that they count is there. */
function complete(events: Captured, transactions: number): boolean {
  const values = events.map(({ value }) => JSON.parse(value!))
  const ends = values.filter(({ status }) => status === 'END')
  const counted = ends.reduce((sum, { event_count }) => sum + event_count, 0)
  return ends.length >= transactions && values.filter(({ transaction }) => transaction).length === counted
}

function belongs(topic: string, prefix: string): boolean {
  return (
    [
      prefix,
      `${prefix}-notifications`,
      `${prefix}-signals`,
      `_${prefix}.schema-history`,
      `__debezium-heartbeat.${prefix}`,
    ].includes(topic) || topic.startsWith(`${prefix}.`)
  )
}

async function waitFor(done: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 120_000
  while (!(await done())) {
    if (performance.now() > deadline) throw new Error('the connector did not get that far within two minutes')
    await sleep(500)
  }
}

/** Everything the topics hold now. */
async function read(stack: ShopStack, topics: string[]): Promise<Captured> {
  const consumer = new Consumer({
    clientId: 'shop-test',
    groupId: `shop-test-${Math.random()}`,
    bootstrapBrokers: [stack.brokers],
  })
  try {
    const existing = await consumer.listOffsets({ topics }).catch(() => new Map<string, bigint[]>())
    if (existing.size === 0) return []
    const stream = await consumer.consume({ topics, mode: 'earliest', autocommit: false, isolationLevel: 1, maxWaitTime: 100 })
    const messages: (RecordedEvent & { offset: bigint })[] = []
    const idle = setInterval(() => {
      if (performance.now() - lastAt > 1_500) stream.close()
    }, 100)
    let lastAt = performance.now() + 3_000
    for await (const { topic, offset, headers, key, value } of stream) {
      lastAt = performance.now()
      const pairs = [...headers].map(([name, text]): [string, string | null] => [
        String(name),
        text === null ? null : String(text),
      ])
      messages.push({
        topic,
        offset,
        headers: pairs,
        key: key?.length ? String(key) : null,
        value: value?.length ? String(value) : null,
      })
    }
    clearInterval(idle)
    messages.sort((a, b) => (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : Number(a.offset - b.offset)))
    return messages.map(({ offset: _, ...event }) => event)
  } finally {
    await consumer.close(true)
  }
}
