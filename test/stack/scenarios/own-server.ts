// A database server of a test's own, MySQL or MariaDB, with a Connect worker, a connector and a lake; the stack lends its Kafka.
// Guarantee: its folder, ports and processes are its own, and gone afterwards.
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Connection, createConnection } from 'mysql2/promise'
import { ensureConnector } from '../../../infra/debezium/connector.ts'
import { connectorConfig, type Flavour } from '../../../infra/debezium/template.ts'
import { connectServer } from '../../../infra/local/connect.ts'
import { mariadbServer } from '../../../infra/local/mariadb.ts'
import { debeziumMariadbPlugin, debeziumPlugin } from '../../../infra/local/maven.ts'
import { mysqlServer } from '../../../infra/local/mysql.ts'
import { claimPort } from '../../../infra/local/ports.ts'
import { stop } from '../../../infra/local/process.ts'
import { ensureServer, type ServerDefinition } from '../../../infra/local/service.ts'
import { prepareDatabase } from '../../../infra/mysql/prepare.ts'
import type { Service } from '../../../infra/state.ts'
import { binlakeIn, type Finished, rowsOf, settle, type Verified } from '../binlake.ts'
import { openStack } from '../shop/stack.ts'

export interface OwnServer {
  /** Of the server's administrator, in the captured database `shop`. */
  connect(): Promise<Connection>
  /** Runs `binlake …` to its end. */
  binlake(...args: string[]): Promise<Finished>
  /** Rows of a query over the lake. */
  rows<Row>(query: string): Promise<Row[]>
  /** Stops the server and starts it again, and waits until its connector reads. */
  restart(): Promise<void>
  /** Runs the line until `verify` finds every table equal; its last report. */
  settle(): Promise<Verified>
  close(): Promise<void>
}

const report = () => {}

interface Options {
  flavour: Flavour
  /** The server's environment, such as `TZ`. */
  env?: Record<string, string>
  policy: string
  /** Statements before the connector's snapshot. */
  before?: readonly string[]
}

export async function openOwnServer({ flavour, env, policy, before = [] }: Options): Promise<OwnServer> {
  const stack = await openStack()
  const folder = await mkdtemp(join(tmpdir(), `binlake-${flavour}-`))
  const password = () => randomBytes(12).toString('hex')
  const secrets = { 'mysql-root': password(), debezium: password(), binlake: password() }
  const [claim, connectClaim] = [await claimPort([]), await claimPort([])]
  const { port } = claim
  const services = new Map<string, Service>()
  const start = async (definition: ServerDefinition) => {
    await ensureServer(definition, undefined, { report, started: service => services.set(definition.name, service) })
    return definition
  }
  const made = flavour === 'mariadb' ? mariadbServer : mysqlServer
  // The newest MariaDB of the mirror instead of the machine's own release: docs/mariadb.md.
  const suite = process.env.BINLAKE_TEST_MARIADB === 'newest' ? 'newest' : 'own'
  const settings: Record<string, string> = flavour === 'mysql' ? { 'default-time-zone': 'SYSTEM' } : {}
  const rest = { secrets, report, settings, suite, ...(env ? { env } : {}) } as const
  const definition = await made({ folder: join(folder, 'server'), port, ...rest })
  const plugins = await (flavour === 'mariadb' ? debeziumMariadbPlugin : debeziumPlugin)({ report })
  const prefix = `${flavour}_${randomUUID().slice(0, 8)}`
  const worker = {
    folder: join(folder, 'connect'),
    port: connectClaim.port,
    brokers: stack.brokers,
    plugins,
    group: prefix,
    report,
  }
  const url = (user: string, secret: string) => `mysql://${user}:${secret}@127.0.0.1:${port}/shop`
  const rootUrl = url('root', secrets['mysql-root'])
  await Promise.all([start(definition), start(await connectServer(worker))])
  await Promise.all([claim.lock.release(), connectClaim.lock.release()])
  await prepareDatabase(rootUrl, ['CREATE DATABASE shop', ...before])
  const ssl = flavour === 'mariadb' ? 'disable' : 'preferred'
  const server = { host: '127.0.0.1', port, user: 'debezium', password: secrets.debezium, ssl, prefix, database: 'shop' }
  const connectUrl = `http://127.0.0.1:${connectClaim.port}`
  const config = await connectorConfig({ ...server, brokers: stack.brokers, replication: 1 }, flavour)
  const connector = { name: prefix, config }
  await ensureConnector(connectUrl, connector)
  await writeFile(join(folder, 'policy.yaml'), policy)
  const begin = binlakeIn(folder, {
    BINLAKE_KAFKA_BROKERS: stack.brokers,
    BINLAKE_TOPIC_PREFIX: prefix,
    BINLAKE_GROUP: prefix,
    BINLAKE_LAKE_URL: `file://${folder}/lake`,
    BINLAKE_MYSQL_URL: url('binlake', secrets.binlake),
    BINLAKE_CONNECT_URL: connectUrl,
    BINLAKE_POLICY: join(folder, 'policy.yaml'),
    BINLAKE_CACHE: join(folder, 'cache'),
  })
  return {
    connect: () => createConnection({ uri: rootUrl, charset: 'utf8mb4', timezone: 'Z' }),
    binlake: (...args) => begin(args).finished,
    rows: query => rowsOf(begin, query),
    async restart() {
      await stop(services.get(definition.name)!, 60_000)
      await start(definition)
      await ensureConnector(connectUrl, connector)
    },
    settle: () => settle(begin, { ends: [0, 3], patient: true, withinMs: 150_000 }),
    async close() {
      for (const name of ['connect', definition.name]) {
        const service = services.get(name)
        if (service) await stop(service, 30_000)
      }
      await stack.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
