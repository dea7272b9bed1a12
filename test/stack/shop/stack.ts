// The servers a test runs against: the stack in the folder BINLAKE_TEST_STACK, or one of the test's own.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { connectorConfig } from '../../../infra/debezium/template.ts'
import { down, readStack, up } from '../../../infra/stack.ts'

export interface ShopStack {
  brokers: string
  connectUrl: string
  /** Connection string of the stack's Azurite. */
  azure: string
  /** Drops and grants a database of this name; returns its URL for binlake's user. */
  ownDatabase(name: string): Promise<string>
  connector(places: { prefix: string; database: string }): Promise<Record<string, string>>
  /** Runs statements in one session of MySQL's administrator. */
  asRoot(...statements: string[]): Promise<void>
  close(): Promise<void>
}

export async function openStack(): Promise<ShopStack> {
  const given = process.env.BINLAKE_TEST_STACK
  const dir = given ?? (await mkdtemp(join(tmpdir(), 'binlake-shop-stack-')))
  const stack = given ? await readStack(dir) : await up({ dir, kind: 'local', report: () => {} })
  if (!stack) throw new Error(`no stack in ${dir}`)
  const databases = new Set<string>()
  const asRoot = async (...statements: string[]) => {
    const { hostname: host, port } = mysql
    const place =
      stack.kind === 'docker' ? { host, port: Number(port) } : { socketPath: join(dir, 'local', 'mysql', 'mysql.sock') }
    const root = await createConnection({ ...place, user: 'root', password: stack.secrets['mysql-root']! })
    for (const statement of statements) await root.query(statement)
    await root.end()
  }
  const mysql = new URL(stack.env.BINLAKE_MYSQL_URL!)
  return {
    asRoot,
    brokers: stack.env.BINLAKE_KAFKA_BROKERS!,
    connectUrl: stack.env.BINLAKE_CONNECT_URL!,
    azure: stack.env.AZURE_STORAGE_CONNECTION_STRING!,
    async ownDatabase(name) {
      databases.add(name)
      await asRoot(`DROP DATABASE IF EXISTS ${name}`, `GRANT ALL PRIVILEGES ON ${name}.* TO 'binlake'@'%'`)
      return new URL(`/${name}`, mysql).href
    },
    async connector({ prefix, database }) {
      // In containers Connect sees MySQL and Kafka under their names in docker-compose.yml.
      const inside = stack.kind === 'docker'
      const place = inside ? { host: 'mysql', port: 3306 } : { host: mysql.hostname, port: Number(mysql.port) }
      const server = { ...place, user: 'debezium', password: stack.secrets.debezium! }
      const kafka = { brokers: inside ? 'kafka:19092' : stack.env.BINLAKE_KAFKA_BROKERS!, replication: 1 }
      return connectorConfig({ ...server, ...kafka, ssl: 'preferred', prefix, database })
    },
    async close() {
      for (const name of databases)
        await asRoot(`DROP DATABASE IF EXISTS ${name}`, `REVOKE ALL PRIVILEGES ON ${name}.* FROM 'binlake'@'%'`)
      if (given) return
      await down({ dir, purge: true, report: () => {} })
      await rm(dir, { recursive: true, force: true })
    },
  }
}
