// Tables of a test's own on the stack: database, connector, topics, lake; and binlake's command line on them.
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admin } from '@platformatic/kafka'
import { type Connection, createConnection } from 'mysql2/promise'
import { ensureConnector } from '../../../infra/debezium/connector.ts'
import { createKey } from '../../../privacy/keys.ts'
import { binlakeIn, type Finished, rowsOf, type Started, settle, type Verified } from '../binlake.ts'
import { removeConnector } from '../shop/remove-connector.ts'
import { openStack } from '../shop/stack.ts'

export interface OwnLine {
  database: string
  lakeUrl: string
  connectUrl: string
  /** The connector's name. */
  connector: string
  /** One session of MySQL's administrator. */
  asRoot(...statements: string[]): Promise<void>
  mysql: Connection
  /** Runs `binlake …` to its end. */
  binlake(...args: string[]): Promise<Finished>
  /** Starts `binlake …`. */
  start(...args: string[]): Started
  /** A second session of MySQL's. */
  session(): Promise<Connection>
  /** Rows of a query over the lake. */
  rows<Row>(query: string): Promise<Row[]>
  /** Runs the line until `verify` finds every table equal; its last report. */
  settle(): Promise<Verified>
  close(): Promise<void>
}

/** `before`: statements that make the tables, and their first rows; the connector starts behind them. `connector`: settings of its own. */
export async function openOwnLine(
  before: readonly string[],
  options: { policy: string; connector?: (database: string) => Record<string, string>; keyDomains?: readonly string[] },
): Promise<OwnLine> {
  const stack = await openStack()
  const database = `own_${randomUUID().slice(0, 8)}`
  const folder = await mkdtemp(join(tmpdir(), 'binlake-own-line-'))
  const uri = await stack.ownDatabase(database)
  const { hostname: host, port, username: user, password } = new URL(uri)
  const session = () => createConnection({ host, port: Number(port), user, password: decodeURIComponent(password) })
  const mysql = await session()
  await mysql.query(`CREATE DATABASE ${database}`)
  await mysql.query(`USE ${database}`)
  await mysql.query('CREATE TABLE dbz_signal (id VARCHAR(64) PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048))')
  for (const statement of before) await mysql.query(statement)
  const name = `${database}-${randomUUID()}`
  const config = {
    ...(await stack.connector({ prefix: database, database })),
    'database.server.id': String(500_000 + Math.floor(Math.random() * 1e6)),
    'schema.history.internal.store.only.captured.databases.ddl': 'true',
    ...options.connector?.(database),
  }
  await ensureConnector(stack.connectUrl, { name, config })
  await writeFile(join(folder, 'policy.yaml'), options.policy)
  for (const domain of options.keyDomains ?? []) await createKey(join(folder, 'keys'), { domain, version: 'v1' })
  const env = {
    BINLAKE_KAFKA_BROKERS: stack.brokers,
    BINLAKE_TOPIC_PREFIX: database,
    BINLAKE_GROUP: database,
    BINLAKE_LAKE_URL: `file://${folder}/lake`,
    BINLAKE_MYSQL_URL: uri,
    BINLAKE_CONNECT_URL: stack.connectUrl,
    BINLAKE_MERGE_INTERVAL: '1s',
    BINLAKE_POLICY: join(folder, 'policy.yaml'),
    BINLAKE_KEYS: join(folder, 'keys'),
    BINLAKE_CACHE: join(folder, 'cache'),
    LOG: 'info',
  }
  const begin = binlakeIn(folder, env)
  return {
    database,
    lakeUrl: env.BINLAKE_LAKE_URL,
    connectUrl: stack.connectUrl,
    connector: name,
    asRoot: stack.asRoot,
    mysql,
    binlake: (...args) => begin(args).finished,
    start: (...args) => begin(args),
    async session() {
      const another = await session()
      await another.query(`USE ${database}`)
      return another
    },
    rows: query => rowsOf(begin, query),
    settle: () => settle(begin, { patient: true }),
    async close() {
      await mysql.end()
      const admin = new Admin({ clientId: name, bootstrapBrokers: [stack.brokers] })
      await removeConnector(stack.connectUrl, name, { admin, ours: topic => topic.includes(database) })
      await admin.close()
      await stack.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
