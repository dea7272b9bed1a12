// A stack of chaos's own, whose servers may be killed and started again; in it a database, a connector, and binlake's environment.
// Guarantee: its folder, ports and processes are its own: the stack of the other tests never notices.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Consumer } from '@platformatic/kafka'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { parse, stringify } from 'yaml'
import { connectRequest } from '../../../infra/debezium/connect-api.ts'
import { ensureConnector } from '../../../infra/debezium/connector.ts'
import { connectorConfig } from '../../../infra/debezium/template.ts'
import { connectServer } from '../../../infra/local/connect.ts'
import { kafkaServer } from '../../../infra/local/kafka.ts'
import { mysqlServer } from '../../../infra/local/mysql.ts'
import { isRunning, stop } from '../../../infra/local/process.ts'
import { ensureServer } from '../../../infra/local/service.ts'
import { tryLock } from '../../../infra/lock.ts'
import { down, up } from '../../../infra/stack.ts'
import { loadStack, type Stack, saveStack } from '../../../infra/state.ts'
import { createKey } from '../../../privacy/keys.ts'
import { openShopDatabase } from '../../../shop/mysql-shop.ts'
import { chaosRules, chaosTables } from './chaos-tables.ts'

export type Server = 'kafka' | 'connect' | 'mysql'

export interface ChaosStack {
  folder: string
  database: string
  /** The connector's name; also topic.prefix. */
  prefix: string
  brokers: string
  connectUrl: string
  mysqlUrl: string
  lakeUrl: string
  /** For `binlake …`. */
  env: Record<string, string>
  connect(): Promise<Connection>
  asRoot(...statements: string[]): Promise<void>
  /** Transactions that were prepared, and whose client has gone: their locks would stay. */
  endPrepared(): Promise<void>
  kill(server: Server, signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>
  start(server: Server): Promise<void>
  close(): Promise<void>
}

const checkout = resolve(import.meta.dirname, '../../..')
const report = () => {}

/** Brings the stack up in `folder`, makes the tables, puts `before`'s rows into them, and starts the connector. */
export async function openChaosStack(folder: string, before: (connection: Connection) => Promise<void>): Promise<ChaosStack> {
  await up({ dir: folder, kind: 'local', report })
  const stack = (await loadStack(folder))!
  const { ports, secrets } = stack
  // A server that is down for a moment must find its port again, whatever other stack comes up meanwhile.
  const locks = await Promise.all(Object.values(ports).map(port => tryLock(`port ${port}`)))
  for (const service of stack.services) if (service.name === 'azurite') await stop(service, 5_000)
  const socketPath = join(folder, 'local', 'mysql', 'mysql.sock')
  const root = () => createConnection({ socketPath, user: 'root', password: secrets['mysql-root']! })
  const asRoot = async (...statements: string[]) => {
    const connection = await root()
    for (const statement of statements) await connection.query(statement)
    await connection.end()
  }
  const database = `chaos_${Date.now().toString(36)}`
  for (const name of (await connectRequest<string[]>(stack.env.BINLAKE_CONNECT_URL!, '/connectors')) ?? [])
    await connectRequest(stack.env.BINLAKE_CONNECT_URL!, `/connectors/${name}`, { method: 'DELETE' })
  await dropFormer(await root())
  const place = (name: string) => ({ folder: join(folder, 'local', name), port: ports[name]!, report })
  const brokers = stack.env.BINLAKE_KAFKA_BROKERS!
  const definitions = {
    kafka: () => kafkaServer({ ...place('kafka'), controllerPort: ports['kafka-controller']! }),
    connect: () => connectServer({ ...place('connect'), brokers }),
    mysql: () => mysqlServer({ ...place('mysql'), secrets }),
  }
  const mysqlUrl = new URL(`/${database}`, stack.env.BINLAKE_MYSQL_URL).href
  const connect = async () => {
    for (let tries = 1; ; tries++) {
      try {
        const connection = await createConnection({ uri: mysqlUrl, charset: 'utf8mb4', timezone: 'Z' })
        connection.on('error', () => {})
        await connection.query('SET SESSION lock_wait_timeout = 5, SESSION innodb_lock_wait_timeout = 5')
        return connection
      } catch (error) {
        if (tries === 120) throw error
        await new Promise(done => setTimeout(done, 500))
      }
    }
  }
  await asRoot(
    `CREATE DATABASE ${database}`,
    `GRANT ALL PRIVILEGES ON ${database}.* TO 'binlake'@'%'`,
    // For sessions that compress what they log.
    "GRANT SESSION_VARIABLES_ADMIN ON *.* TO 'binlake'@'%'",
    `CREATE TABLE ${database}.dbz_signal (id VARCHAR(64) NOT NULL PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL)`,
    `GRANT CREATE, INSERT, UPDATE, DELETE ON ${database}.dbz_signal TO 'debezium'@'%'`,
  )
  await (await openShopDatabase(mysqlUrl)).end()
  const connection = await connect()
  for (const { name, create } of chaosTables) await connection.query(`CREATE TABLE ${name} (${create})`)
  await before(connection)
  await connection.end()
  const server = { host: '127.0.0.1', port: ports.mysql!, user: 'debezium', password: secrets.debezium!, ssl: 'preferred' }
  const config = await connectorConfig({ ...server, prefix: database, database, brokers, replication: 1 })
  const connectUrl = stack.env.BINLAKE_CONNECT_URL!
  const own = { 'database.server.id': String(300_000 + (Date.now() % 1e6)), 'signal.enabled.channels': 'source' }
  await ensureConnector(connectUrl, { name: database, config: { ...config, ...own } })
  await snapshotTaken(brokers, config['notification.sink.topic.name']!)
  return {
    folder,
    database,
    prefix: database,
    brokers,
    connectUrl,
    mysqlUrl,
    ...(await environment(folder, { stack, database, mysqlUrl })),
    connect,
    asRoot,
    async endPrepared() {
      const connection = await root()
      const [prepared] = await connection.query<RowDataPacket[]>('XA RECOVER')
      for (const { data } of prepared) await connection.query('XA COMMIT ?', [data])
      await connection.end()
    },
    async kill(name, signal = 'SIGKILL') {
      const service = stack.services.find(service => service.name === name)!
      if (!isRunning(service)) return
      process.kill(service.pid, signal)
      while (isRunning(service)) await new Promise(done => setTimeout(done, 20))
    },
    async start(name) {
      const saved = stack.services.find(service => service.name === name)
      await ensureServer(await definitions[name](), saved, {
        report,
        started: service => {
          stack.services = [...stack.services.filter(other => other.name !== name), service]
          saveStack(folder, stack)
        },
      })
    },
    async close() {
      for (const lock of locks) await lock?.release()
      await down({ dir: folder, purge: true, report })
    },
  }
}

/** DDL during a first snapshot fails it, and it begins anew until it meets none: then there would be little time left for anything else. */
async function snapshotTaken(broker: string, topic: string): Promise<void> {
  const consumer = new Consumer({ clientId: 'chaos', groupId: `chaos-${Math.random()}`, bootstrapBrokers: [broker] })
  try {
    const stream = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false, maxWaitTime: 100 })
    for await (const { value } of stream) if (String(value).includes('"COMPLETED"')) break
  } finally {
    await consumer.close(true)
  }
}

/** Left by a run that was told to keep its stack: Debezium tells of all databases' tables, captured or not. */
async function dropFormer(root: Connection): Promise<void> {
  const [former] = await root.query<RowDataPacket[]>(
    "SELECT schema_name AS name FROM information_schema.schemata WHERE schema_name LIKE 'chaos\\_%'",
  )
  for (const { name } of former) await root.query(`DROP DATABASE ${name}`)
  await root.end()
}

/** Short intervals, so that much happens in little time. */
async function environment(
  folder: string,
  { stack, database, mysqlUrl }: { stack: Stack; database: string; mysqlUrl: string },
): Promise<{ lakeUrl: string; env: Record<string, string> }> {
  const own = join(folder, database)
  await mkdir(own, { recursive: true })
  const keys = join(own, 'keys')
  await createKey(keys, { domain: 'email', version: 'v1' })
  const policy = parse(await readFile(join(checkout, 'shop/policy.yaml'), 'utf8')) as { tables: object }
  const policyFile = join(own, 'policy.yaml')
  await writeFile(policyFile, stringify({ ...policy, tables: { ...policy.tables, ...chaosRules() } }))
  const lakeUrl = `file://${join(own, 'lake')}`
  return {
    lakeUrl,
    env: {
      BINLAKE_KAFKA_BROKERS: stack.env.BINLAKE_KAFKA_BROKERS!,
      BINLAKE_CONNECT_URL: stack.env.BINLAKE_CONNECT_URL!,
      BINLAKE_TOPIC_PREFIX: database,
      BINLAKE_GROUP: database,
      BINLAKE_LAKE_URL: lakeUrl,
      BINLAKE_MYSQL_URL: mysqlUrl,
      BINLAKE_POLICY: policyFile,
      BINLAKE_KEYS: keys,
      BINLAKE_CACHE: join(own, 'cache'),
      BINLAKE_MERGE_INTERVAL: '1s',
      BINLAKE_MAINTENANCE_COMPACT: '20s',
      LOG: 'info',
    },
  }
}
