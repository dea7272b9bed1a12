// A database of the test's own with a few small tables, captured with signals, and binlake's command line on it.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Admin } from '@platformatic/kafka'
import { createConnection } from 'mysql2/promise'
import { openStore } from '../../../connectors/open-store.ts'
import { ensureConnector } from '../../../infra/debezium/connector.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { Lakehouse } from '../../../lake/lakehouse.ts'
import { dataPath } from '../../../lake/path.ts'
import { type Sql, sql } from '../../../lake/sql.ts'
import { createKey } from '../../../privacy/keys.ts'
import { binlakeIn, type Finished } from '../binlake.ts'
import { removeConnector } from '../shop/remove-connector.ts'
import { openStack } from '../shop/stack.ts'

const policy = `version: 1
keys:
  email: { current: v1, canonical: exact }
classes: { direct: token, operational: keep }
tables:
  parents: { id: { class: operational, strategy: keep }, name: { class: operational, strategy: keep } }
  children: { id: { class: operational, strategy: keep }, parent_id: { class: operational, strategy: keep }, note: { class: operational, strategy: keep } }
  mail:
    email: { class: direct, strategy: token, domain: email, allow_key: true }
    n: { class: operational, strategy: keep }
`

export interface VerifyLine {
  database: string
  mysqlUrl: string
  binlake(args: string[], env?: Record<string, string>): Promise<Finished>
  /** Starts `binlake run`; what it returns stops it. */
  run(): Promise<() => Promise<void>>
  query(...statements: string[]): Promise<void>
  /** One session that writes no binlog. */
  unlogged(...statements: string[]): Promise<void>
  asRoot(...statements: string[]): Promise<void>
  /** Writes every data file of a silver table anew, after these statements on its rows (table `file`). */
  damage(table: string, ...statements: Sql[]): Promise<void>
  close(): Promise<void>
}

export async function openVerifyLine(): Promise<VerifyLine> {
  const stack = await openStack()
  const database = `verify_${Math.random().toString(36).slice(2, 10)}`
  const folder = await mkdtemp(join(tmpdir(), 'binlake-verify-line-'))
  const mysqlUrl = await stack.ownDatabase(database)
  await stack.asRoot(
    `CREATE DATABASE ${database}`,
    `USE ${database}`,
    'CREATE TABLE dbz_signal (id VARCHAR(64) NOT NULL PRIMARY KEY, type VARCHAR(32) NOT NULL, data VARCHAR(2048) NULL)',
    `GRANT CREATE, INSERT, UPDATE, DELETE ON ${database}.dbz_signal TO 'debezium'@'%'`,
    'CREATE TABLE parents (id INT PRIMARY KEY, name VARCHAR(40))',
    'CREATE TABLE children (id INT PRIMARY KEY, parent_id INT NOT NULL, note VARCHAR(40), FOREIGN KEY (parent_id) REFERENCES parents (id) ON DELETE CASCADE)',
    'CREATE TABLE mail (email VARCHAR(100) PRIMARY KEY, n INT)',
    "INSERT INTO parents WITH RECURSIVE s AS (SELECT 1 i UNION ALL SELECT i + 1 FROM s WHERE i < 200) SELECT i, concat('secret name ', i) FROM s",
    "INSERT INTO children WITH RECURSIVE s AS (SELECT 1 i UNION ALL SELECT i + 1 FROM s WHERE i < 600) SELECT i, i % 200 + 1, concat('secret note ', i) FROM s",
    "INSERT INTO mail SELECT concat('person', id, '@secret.test'), id FROM parents",
    // Debezium tells of its schema too, and sends none of its rows.
    `CREATE DATABASE ${database}_other`,
    `CREATE TABLE ${database}_other.parents (id INT PRIMARY KEY, name VARCHAR(40))`,
    `INSERT INTO ${database}_other.parents VALUES (1, 'secret neighbour')`,
  )
  const config = await stack.connector({ prefix: database, database })
  const own = {
    'database.server.id': String(400_000 + Math.floor(Math.random() * 1e6)),
    'signal.enabled.channels': 'source',
    'table.include.list': `${database}\\.(parents|children|mail)`,
  }
  await ensureConnector(stack.connectUrl, { name: database, config: { ...config, ...own } })
  await mkdir(join(folder, 'lake'))
  await createKey(join(folder, 'keys'), { domain: 'email', version: 'v1' })
  await writeFile(join(folder, 'policy.yaml'), policy)
  const fixed = {
    BINLAKE_KAFKA_BROKERS: stack.brokers,
    BINLAKE_TOPIC_PREFIX: database,
    BINLAKE_GROUP: database,
    BINLAKE_LAKE_URL: `file://${folder}/lake`,
    BINLAKE_MYSQL_URL: mysqlUrl,
    BINLAKE_CONNECT_URL: stack.connectUrl,
    BINLAKE_MERGE_INTERVAL: '1s',
    BINLAKE_POLICY: join(folder, 'policy.yaml'),
    BINLAKE_KEYS: join(folder, 'keys'),
    BINLAKE_CACHE: join(folder, 'cache'),
    LOG: 'info',
  }
  const begin = binlakeIn(folder, fixed)
  const session = async (statements: readonly string[]) => {
    const connection = await createConnection({ uri: mysqlUrl })
    for (const statement of statements) await connection.query(statement)
    await connection.end()
  }
  return {
    database,
    mysqlUrl,
    binlake: (args, env) => begin(args, env).finished,
    async run() {
      const { stop } = begin(['run'])
      return async () => void (await stop())
    },
    query: (...statements) => session(statements),
    unlogged: (...statements) => stack.asRoot('SET SESSION sql_log_bin = 0', `USE ${database}`, ...statements),
    asRoot: stack.asRoot,
    async damage(table, ...statements) {
      const path = `silver/${database}/${table}`
      const store = await openStore(fixed.BINLAKE_LAKE_URL, { cacheDir: fixed.BINLAKE_CACHE })
      const lake = new Lakehouse(store)
      await using duck = await Duck.open({ threads: 1 })
      for (const add of (await lake.current(path))!.files.values()) {
        const file = await store.fetch(dataPath(lake.table(path), add.path))
        await duck.run(sql`CREATE OR REPLACE TEMP TABLE file AS FROM read_parquet(${file})`)
        for (const statement of statements) await duck.run(statement)
        await duck.run(sql`COPY file TO ${file} (FORMAT parquet)`)
      }
      await store.close()
    },
    async close() {
      const admin = new Admin({ clientId: database, bootstrapBrokers: [stack.brokers] })
      await removeConnector(stack.connectUrl, database, { admin, ours: topic => topic.includes(database) })
      await admin.close()
      await stack.asRoot(`DROP DATABASE ${database}_other`)
      await stack.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
