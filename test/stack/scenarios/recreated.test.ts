// Scenario 26 of cdc-spec §8 on a real broker: a topic is deleted and created again under a run, which reads the new one from its beginning.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Admin, Producer, stringSerializers } from '@platformatic/kafka'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { binlake, emptyFolder } from '../../unit/cli/run-cli.ts'
import { schema } from '../../unit/processors/lake-of-events.ts'
import { keepEverything } from '../../unit/scenarios/forge.ts'
import { c, d, type Forged, keyText, u, valueText } from '../../unit/scenarios/forged-event.ts'
import { openStack, type ShopStack } from '../shop/stack.ts'

const prefix = `again_${randomUUID().slice(0, 8)}`
const topic = `${prefix}.shop.t`
const cwd = emptyFolder()
let stack: ShopStack
let admin: Admin
let producer: Producer<string, string, string, string>
let env: Record<string, string>

beforeAll(async () => {
  stack = await openStack()
  const place = { clientId: prefix, bootstrapBrokers: [stack.brokers] }
  admin = new Admin(place)
  await admin.createTopics({ topics: [prefix, topic], partitions: 1, replicas: 1 })
  producer = new Producer({ ...place, serializers: stringSerializers })
  await writeFile(join(cwd, 'policy.yaml'), keepEverything([schema]))
  env = {
    BINLAKE_KAFKA_BROKERS: stack.brokers,
    BINLAKE_TOPIC_PREFIX: prefix,
    BINLAKE_GROUP: prefix,
    BINLAKE_LAKE_URL: `file://${cwd}/lake`,
    BINLAKE_POLICY: join(cwd, 'policy.yaml'),
    BINLAKE_KEYS: join(cwd, 'keys'),
    BINLAKE_CACHE: join(cwd, 'cache'),
    BINLAKE_MERGE_INTERVAL: '1s',
  }
  const columns = schema.columns.map(column => ({ ...column, length: 20 }))
  const change = { type: 'CREATE', id: '"shop"."t"', table: { primaryKeyColumnNames: ['id'], columns } }
  const source = JSON.parse(valueText({ ...c(1, ''), pos: 1 })!).source as Record<string, unknown>
  const value = { source, databaseName: 'shop', ddl: 'CREATE TABLE t (…)', tableChanges: [change], ts_ms: 1 }
  await producer.send({
    messages: [{ topic: prefix, partition: 0, key: '{"databaseName":"shop"}', value: JSON.stringify(value) }],
  })
}, 240_000)

afterAll(async () => {
  await producer?.close()
  await admin?.deleteTopics({ topics: [prefix, topic] })
  await admin?.close()
  await stack?.close()
})

async function send(...events: (Forged & { pos: number })[]): Promise<void> {
  await producer.send({
    messages: events.map(event => ({ topic, partition: 0, key: keyText(event)!, value: valueText(event)! })),
  })
}

const at = (event: Forged, pos: number) => ({ ...event, pos })

async function silver(): Promise<unknown> {
  const { code, stdout } = await binlake(['sql', 'SELECT id, v, _epoch FROM silver.t ORDER BY id', '--json'], { cwd, env })
  return code === 0 ? JSON.parse(stdout) : undefined
}

async function until(wanted: unknown): Promise<void> {
  for (let tries = 0, found: unknown; tries < 60; tries++) {
    found = await silver()
    if (JSON.stringify(found) === JSON.stringify(wanted)) return
    if (tries === 59) expect(found).toEqual(wanted)
    await sleep(1_000)
  }
}

it('scenario 26: a topic created again under a run is read from its beginning, as the next epoch', async () => {
  const main = resolve(import.meta.dirname, '../../../cli/main.ts')
  const run = spawn(process.execPath, [main, 'run'], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  run.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  try {
    await send(at(c(1, 'a'), 900), at(c(2, 'b'), 910), at(c(3, 'c'), 920), at(d(3), 930))
    await until([
      { id: 1, v: 'a', _epoch: 0 },
      { id: 2, v: 'b', _epoch: 0 },
    ])
    await admin.deleteTopics({ topics: [topic] })
    await sleep(1_000)
    await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 })
    await sleep(1_000)
    // Lower offsets and lower positions than before.
    await send(at(u(1, 'new'), 10), at(c(4, 'd'), 20))
    await until([
      { id: 1, v: 'new', _epoch: 1 },
      { id: 2, v: 'b', _epoch: 0 },
      { id: 4, v: 'd', _epoch: 1 },
    ])
  } finally {
    run.kill('SIGINT')
    await once(run, 'close')
  }
  expect(stderr).toContain('created again')
  const proven = await binlake(['replay', '--prove', '--json'], { cwd, env })
  expect(proven.code, proven.stderr).toBe(0)
  expect(proven.stdout).toContain('"identical"')
}, 240_000)
