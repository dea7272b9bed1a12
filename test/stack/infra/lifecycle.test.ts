// The local stack's whole life, beside whatever else runs on the usual ports.
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { BlobServiceClient } from '@azure/storage-blob'
import { Admin } from '@platformatic/kafka'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkConnector } from '../../../infra/debezium/check.ts'
import { connectRequest } from '../../../infra/debezium/connect-api.ts'
import { ensureConnector } from '../../../infra/debezium/connector.ts'
import { identityOf, isRunning } from '../../../infra/local/process.ts'
import type { StackEvent } from '../../../infra/report.ts'
import { down, readStack, type Stack, up } from '../../../infra/stack.ts'

const stackFile = join(import.meta.dirname, '../../../infra/stack.ts')
const usualPorts = [3306, 9092, 9093, 8083, 10000]

let dir = ''
let events: StackEvent[] = []
const blockers: Server[] = []
const report = (event: StackEvent) => events.push(event)

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-stack-'))
  for (const port of usualPorts) blockers.push(await block(port))
})
afterAll(async () => {
  if (dir) await down({ dir, purge: true, report: () => {} })
  for (const blocker of blockers) blocker.close()
  await rm(dir, { recursive: true, force: true })
})

/** Takes the port, unless somebody has it already. */
async function block(port: number): Promise<Server> {
  const server = createServer()
  await new Promise(done => server.once('error', done).listen({ port, host: '127.0.0.1' }, () => done(undefined)))
  return server
}

function finalStates(): Record<string, string> {
  return Object.fromEntries(events.filter(event => event.state !== 'progress').map(event => [event.step, event.state]))
}

async function upAgain(): Promise<Stack> {
  events = []
  return up({ dir, report })
}

async function query(stack: Stack, ...statements: string[]): Promise<unknown> {
  const connection = await createConnection(stack.env.BINLAKE_MYSQL_URL!)
  try {
    let rows: unknown
    for (const statement of statements) [rows] = await connection.query(statement)
    return rows
  } finally {
    await connection.end()
  }
}

/** Waits until the topic holds more than `past` offsets, and returns its end. */
async function topicPasses(stack: Stack, topic: string, past: bigint): Promise<bigint> {
  const admin = new Admin({ clientId: 'test', bootstrapBrokers: [stack.env.BINLAKE_KAFKA_BROKERS!], retries: 0 })
  const deadline = performance.now() + 60_000
  try {
    for (;;) {
      if (performance.now() > deadline) throw new Error(`${topic} stays at ${past} for a minute`)
      const partitions = [{ partitionIndex: 0, timestamp: -1n }]
      const listed = await admin.listOffsets({ topics: [{ name: topic, partitions }] }).catch(() => [])
      const end = listed[0]?.partitions[0]?.offset ?? 0n
      if (end > past) return end
      await delay(200)
    }
  } finally {
    await admin.close()
  }
}

function blob(stack: Stack) {
  const service = BlobServiceClient.fromConnectionString(stack.env.AZURE_STORAGE_CONNECTION_STRING!)
  return { container: service.getContainerClient('keep'), client: service.getContainerClient('keep').getBlockBlobClient('me') }
}

function pids(stack: Stack): Record<string, number | undefined> {
  return Object.fromEntries(stack.services.map(service => [service.name, service.pid]))
}

let first: Stack
let end = 0n

test('comes up beside taken ports, and outlives the command that started it', async () => {
  const script = `const { up } = await import(${JSON.stringify(stackFile)}); await up({ kind: 'local', dir: ${JSON.stringify(dir)}, report: () => {} }); console.log('up')`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
  expect(stdout).toBe('up\n')
  const state = await readStack(dir)
  expect(state).toMatchObject({ kind: 'local', why: 'asked for', alive: true })
  expect(state!.services.map(service => service.name).toSorted()).toEqual(['azurite', 'connect', 'kafka', 'mysql'])
  expect(Object.values(state!.ports).filter(port => usualPorts.includes(port))).toEqual([])
  expect((await stat(join(dir, 'stack.json'))).mode & 0o777).toBe(0o600)
  first = state!
})

test('captures the shop, and keeps its blobs', async () => {
  const tables = (await query(first, 'SHOW TABLES')) as object[]
  expect(tables.length).toBeGreaterThan(2)
  await query(first, 'CREATE TABLE kept (id INT PRIMARY KEY)', 'INSERT INTO kept VALUES (1), (2)')
  end = await topicPasses(first, 'shop.shop.kept', 1n)
  await blob(first).container.create()
  await blob(first).client.upload('data', 4)
  const settings = (await query(
    first,
    "SHOW VARIABLES WHERE Variable_name IN ('gtid_mode', 'binlog_format', 'binlog_row_image')",
  )) as { Value: string }[]
  expect(settings.map(row => row.Value).toSorted()).toEqual(['FULL', 'ON', 'ROW'])
})

test('no password is in a log, and binlake may not touch another database', async () => {
  for (const service of first.services) {
    const log = await readFile(service.logFile!, 'utf8')
    for (const secret of Object.values(first.secrets)) expect(log.includes(secret)).toBe(false)
  }
  await expect(query(first, 'CREATE DATABASE elsewhere')).rejects.toThrow('Access denied')
})

test('a second up changes nothing and says so', async () => {
  const again = await upAgain()
  expect(pids(again)).toEqual(pids(first))
  expect(finalStates()).toMatchObject({
    mysql: 'skipped',
    kafka: 'skipped',
    connect: 'skipped',
    azurite: 'skipped',
    stack: 'skipped',
  })
})

test('restarts the one server that died', async () => {
  const kafka = first.services.find(service => service.name === 'kafka')!
  process.kill(kafka.pid!, 'SIGKILL')
  while (isRunning(kafka)) await delay(20)
  expect(await readStack(dir)).toMatchObject({ alive: false })
  const again = await upAgain()
  expect(finalStates()).toMatchObject({ mysql: 'skipped', kafka: 'done', connect: 'skipped', azurite: 'skipped' })
  expect({ ...pids(again), kafka: 0 }).toEqual({ ...pids(first), kafka: 0 })
  expect(again.ports).toEqual(first.ports)
  await query(again, 'INSERT INTO kept VALUES (3)')
  end = await topicPasses(again, 'shop.shop.kept', end)
})

test('finds an unsafe setting in the live connector, and up puts it right', async () => {
  const connectUrl = first.env.BINLAKE_CONNECT_URL!
  expect(await checkConnector(connectUrl, 'shop-cdc')).toEqual([])
  const config = (await connectRequest<Record<string, string>>(connectUrl, '/connectors/shop-cdc/config'))!
  await ensureConnector(connectUrl, { name: 'shop-cdc', config: { ...config, 'skipped.operations': 't' } })
  expect(await checkConnector(connectUrl, 'shop-cdc')).toMatchObject([
    { setting: 'skipped.operations', found: 't', wanted: 'none' },
  ])
  await upAgain()
  expect(await checkConnector(connectUrl, 'shop-cdc')).toEqual([])
})

test('says why a connector cannot run, and what to do', async () => {
  const connectUrl = first.env.BINLAKE_CONNECT_URL!
  const config = (await connectRequest<Record<string, string>>(connectUrl, '/connectors/shop-cdc/config'))!
  const wrong = ensureConnector(connectUrl, {
    name: 'wrong',
    config: { ...config, name: 'wrong', 'topic.prefix': 'wrong', 'database.password': 'no' },
  })
  await expect(wrong).rejects.toMatchObject({ code: 'CONNECT_REFUSED', message: expect.stringContaining('connect') })
  const root = await createConnection({
    host: '127.0.0.1',
    port: first.ports.mysql!,
    user: 'root',
    password: first.secrets['mysql-root']!,
  })
  try {
    await root.query("ALTER USER 'debezium'@'%' ACCOUNT LOCK")
    await connectRequest(connectUrl, '/connectors/shop-cdc/restart?includeTasks=true', { method: 'POST' })
    const locked = async () => {
      for (;;) await Promise.all([ensureConnector(connectUrl, { name: 'shop-cdc', config }), delay(500)])
    }
    await expect(locked()).rejects.toMatchObject({
      code: 'CONNECTOR_FAILED',
      message: expect.stringContaining('connector shop-cdc failed: '),
    })
  } finally {
    await root.query("ALTER USER 'debezium'@'%' ACCOUNT UNLOCK")
    await root.end()
  }
  expect(await ensureConnector(connectUrl, { name: 'shop-cdc', config })).toBe('unchanged')
  await expect(checkConnector(connectUrl, 'absent')).rejects.toMatchObject({ code: 'CONNECT_REFUSED' })
})

test('down stops every process, and up again has the data', async () => {
  await down({ dir, report })
  for (const service of first.services) expect(isRunning(service)).toBe(false)
  expect(await readStack(dir)).toMatchObject({ alive: false })
  const again = await upAgain()
  expect(again.ports).toEqual(first.ports)
  expect(again.env).toEqual(first.env)
  expect(await query(again, 'SELECT id FROM kept ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
  expect((await blob(again).client.downloadToBuffer()).toString()).toBe('data')
  await query(again, 'INSERT INTO kept VALUES (4)')
  end = await topicPasses(again, 'shop.shop.kept', end)
})

test('a deleted stack.json costs neither data nor leaves servers running', async () => {
  const before = (await readStack(dir))!
  await rm(join(dir, 'stack.json'))
  events = []
  const again = await up({ kind: 'local', dir, report })
  for (const service of before.services) expect(isRunning(service)).toBe(false)
  expect(again.secrets.binlake).not.toBe(before.secrets.binlake)
  expect(await query(again, 'SELECT count(*) AS n FROM kept')).toEqual([{ n: 4 }])
  await query(again, 'INSERT INTO kept VALUES (5)')
  end = await topicPasses(again, 'shop.shop.kept', end)
})

test('a server that cannot start is named, with the end of its log', async () => {
  const state = (await readStack(dir))!
  const mysql = state.services.find(service => service.name === 'mysql')!
  process.kill(mysql.pid!, 'SIGKILL')
  while (isRunning(mysql)) await delay(20)
  await rm(join(dir, 'local', 'mysql', 'data', 'ibdata1'))
  events = []
  const failed = await up({ dir, report }).catch(error => error)
  expect(failed).toMatchObject({ code: 'STACK_SERVICE_FAILED' })
  expect(failed.message).toContain('mysql ended before it answered')
  expect(failed.message).toContain(mysql.logFile)
  expect(failed.message).toMatch(/\[ERROR\]/)
  expect(finalStates().mysql).toBe('failed')
})

test('purge leaves neither processes nor files', async () => {
  const before = (await readStack(dir))!
  await down({ dir, purge: true, report })
  for (const service of before.services) if (service.pid) expect(identityOf(service.pid)).not.toBe(service.identity)
  expect(await readdir(dir)).toEqual([])
  expect(await readStack(dir)).toBeUndefined()
})
