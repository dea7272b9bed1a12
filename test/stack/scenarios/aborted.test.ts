// Scenario 50 of cdc-spec §8 on a real broker: what a producer aborted, or has not committed yet, is not in the lake.
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Admin, Producer, stringSerializers } from '@platformatic/kafka'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { binlake, emptyFolder } from '../../unit/cli/run-cli.ts'
import { schema } from '../../unit/processors/lake-of-events.ts'
import { keepEverything } from '../../unit/scenarios/forge.ts'
import { c, type Forged, keyText, u, valueText } from '../../unit/scenarios/forged-event.ts'
import { openStack, type ShopStack } from '../shop/stack.ts'

const prefix = `aborted_${randomUUID().slice(0, 8)}`
const topic = `${prefix}.shop.t`
const cwd = emptyFolder()
let stack: ShopStack
let admin: Admin
let producer: Producer<string, string, string, string>
let env: Record<string, string>
let pos = 0

beforeAll(async () => {
  stack = await openStack()
  const place = { clientId: prefix, bootstrapBrokers: [stack.brokers] }
  admin = new Admin(place)
  await admin.createTopics({ topics: [prefix, topic], partitions: 1, replicas: 1 })
  producer = new Producer({ ...place, serializers: stringSerializers, idempotent: true, transactionalId: prefix })
  await writeFile(join(cwd, 'policy.yaml'), keepEverything([schema]))
  env = {
    BINLAKE_KAFKA_BROKERS: stack.brokers,
    BINLAKE_TOPIC_PREFIX: prefix,
    BINLAKE_GROUP: prefix,
    BINLAKE_LAKE_URL: `file://${cwd}/lake`,
    BINLAKE_POLICY: join(cwd, 'policy.yaml'),
    BINLAKE_KEYS: join(cwd, 'keys'),
    BINLAKE_CACHE: join(cwd, 'cache'),
  }
  const columns = schema.columns.map(column => ({ ...column, length: 20 }))
  const change = { type: 'CREATE', id: '"shop"."t"', table: { primaryKeyColumnNames: ['id'], columns } }
  const source = JSON.parse(valueText({ ...c(1, ''), pos: 1 })!).source as Record<string, unknown>
  await send(true, [
    prefix,
    '{"databaseName":"shop"}',
    { source, databaseName: 'shop', ddl: 'CREATE TABLE t (…)', tableChanges: [change], ts_ms: 1 },
  ])
}, 240_000)

afterAll(async () => {
  await producer?.close()
  await admin?.deleteTopics({ topics: [prefix, topic] })
  await admin?.close()
  await stack?.close()
})

type Sent = [topic: string, key: string, value: unknown]

/** One transaction of the producer. Undefined: it stays open, and can be ended by what is returned. */
async function send(commit: boolean | undefined, ...sent: Sent[]): Promise<() => Promise<void>> {
  const transaction = await producer.beginTransaction()
  await transaction.send({
    messages: sent.map(([to, key, value]) => ({
      topic: to,
      partition: 0,
      key,
      value: typeof value === 'string' ? value : JSON.stringify(value),
    })),
  })
  if (commit === true) await transaction.commit()
  else if (commit === false) await transaction.abort()
  return () => transaction.commit()
}

const event = (forged: Forged): Sent => {
  pos += 10
  return [topic, keyText(forged)!, valueText({ ...forged, pos })!]
}

async function run(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await binlake(args, { cwd, env })
  expect(code, stderr).toBe(0)
  return stdout
}

const rows = async (query: string) => JSON.parse(await run('sql', query, '--json')) as unknown

it('scenario 50: records of aborted and of open transactions are invisible', async () => {
  await send(true, event(c(1, 'a')), event(c(2, 'a')))
  await send(false, event(u(1, 'never')), event(c(9, 'never')))
  await send(true, event(u(1, 'b')))
  const end = await send(undefined, event(u(2, 'later')))
  await run('run', '--until-caught-up')
  const silver = 'select id, v from silver.t order by id'
  expect(await rows(silver)).toEqual([
    { id: 1, v: 'b' },
    { id: 2, v: 'a' },
  ])
  await end()
  await send(false, event(c(8, 'never')))
  await run('run', '--until-caught-up')
  expect(await rows(silver)).toEqual([
    { id: 1, v: 'b' },
    { id: 2, v: 'later' },
  ])
  expect(await rows("select count(*)::INTEGER as n, bool_or(contains(_value, 'never')) as never from bronze.t")).toEqual([
    { n: 4, never: false },
  ])
  // Markers and aborted records leave gaps, which are none: 0, 1, a marker, two aborted, a marker, 6, a marker, 8.
  expect(await rows('select _offset::INTEGER as o from bronze.t order by o')).toEqual([{ o: 0 }, { o: 1 }, { o: 6 }, { o: 8 }])
  expect(await run('replay', '--prove', 't')).toMatch(/^shop\.t: identical/)
}, 240_000)
