// Tables of a test's own on the stack: database, connector, topics, lake; and binlake's command line on them.
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Admin } from '@platformatic/kafka'
import { type Connection, createConnection } from 'mysql2/promise'
import { type ConnectorStatus, connectRequest } from '../../../infra/debezium/connect-api.ts'
import { ensureConnector } from '../../../infra/debezium/connector.ts'
import { createKey } from '../../../privacy/keys.ts'
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
  binlake(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }>
  /** Starts `binlake …`; `told` is what it wrote to stderr so far, `stop` ends it as Ctrl-C does. */
  start(...args: string[]): { told(): string; stop(): Promise<{ code: number | null; stdout: string; stderr: string }> }
  /** A second session of MySQL's. */
  session(): Promise<Connection>
  /** Rows of a query over the lake. */
  rows<Row>(query: string): Promise<Row[]>
  /** Runs the line until `verify` finds every table equal; its last report. */
  settle(): Promise<{ equal: boolean; tables: { table: string; rows: { source: number; silver: number }; skipped?: string }[] }>
  close(): Promise<void>
}

const root = resolve(import.meta.dirname, '../../..')

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
    ...process.env,
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
  const begin = (...args: string[]) => {
    const child = spawn(process.execPath, [join(root, 'cli/main.ts'), ...args, '--state', join(folder, 'state')], {
      env,
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    const finished = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }))
    return { child, finished, told: () => stderr }
  }
  const binlake: OwnLine['binlake'] = (...args) => begin(...args).finished
  return {
    database,
    lakeUrl: env.BINLAKE_LAKE_URL,
    connectUrl: stack.connectUrl,
    connector: name,
    asRoot: stack.asRoot,
    mysql,
    binlake,
    start(...args) {
      const { child, finished, told } = begin(...args)
      return {
        told,
        stop: () => {
          child.kill('SIGINT')
          return finished
        },
      }
    },
    async session() {
      const another = await session()
      await another.query(`USE ${database}`)
      return another
    },
    async rows(query) {
      const { code, stdout, stderr } = await binlake('sql', query, '--json')
      if (code !== 0) throw new Error(stderr)
      return JSON.parse(stdout)
    },
    async settle() {
      // Debezium publishes what MySQL has committed a moment later, so one round may come too early.
      for (let round = 1; ; round++) {
        const run = await binlake('run', '--until-caught-up')
        if (run.code !== 0 && round === 8) throw new Error(`run ended with ${run.code}: ${run.stderr}`)
        const verify = await binlake('verify', '--json')
        if ((run.code === 0 && verify.code === 0) || round === 8) {
          if (verify.stdout === '') throw new Error(verify.stderr)
          return JSON.parse(verify.stdout)
        }
        await sleep(500)
      }
    },
    async close() {
      await mysql.end()
      const path = `/connectors/${name}`
      await connectRequest(stack.connectUrl, `${path}/stop`, { method: 'PUT' })
      for (let tries = 0; tries < 60; tries++) {
        if ((await connectRequest<ConnectorStatus>(stack.connectUrl, `${path}/status`))?.connector.state === 'STOPPED') break
        await sleep(500)
      }
      await connectRequest(stack.connectUrl, `${path}/offsets`, { method: 'DELETE' })
      await connectRequest(stack.connectUrl, path, { method: 'DELETE' })
      const admin = new Admin({ clientId: name, bootstrapBrokers: [stack.brokers] })
      const topics = (await admin.listTopics({ includeInternals: true })).filter(topic => topic.includes(database))
      if (topics.length > 0) await admin.deleteTopics({ topics })
      await admin.close()
      await stack.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
