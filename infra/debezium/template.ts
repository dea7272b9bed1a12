// The connector's configuration: mysql.json or mariadb.json with its placeholders filled in.
// Guarantee: a placeholder without a value, or a value without a placeholder, is an error.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Addresses are as Connect sees them, which need not be how binlake sees them. */
export interface ConnectorPlaces {
  host: string
  port: number
  user: string
  password: string
  /** Debezium's database.ssl.mode. MySQL: `preferred`, `required`, `disabled`, …; MariaDB: `disable`, `trust`, `verify-ca`, `verify-full`. */
  ssl: string
  /** topic.prefix; never to be changed while the topics live. */
  prefix: string
  database: string
  /** Kafka's bootstrap servers. */
  brokers: string
  /** Replication factor of the topics Connect creates: 1 on a single broker. */
  replication: number
}

/** Which server: Debezium has a connector, and we a template, for each. */
export type Flavour = 'mysql' | 'mariadb'

/** The configuration to send to Connect. */
export async function connectorConfig(places: ConnectorPlaces, flavour: Flavour = 'mysql'): Promise<Record<string, string>> {
  const template = JSON.parse(await readFile(join(import.meta.dirname, `${flavour}.json`), 'utf8')) as Record<string, string>
  return fill(template, { ...places })
}

/** Replaces `${name}` in every value. */
export function fill(template: Record<string, string>, values: Record<string, string | number>): Record<string, string> {
  const used = new Set<string>()
  const filled = Object.entries(template).map(([setting, text]) => [
    setting,
    text.replace(/\$\{(\w+)\}/g, (_, name: string) => {
      const value = values[name]
      if (value === undefined) throw new TypeError(`${setting} needs a value for ${name}`)
      used.add(name)
      return String(value)
    }),
  ])
  const idle = Object.keys(values).filter(name => !used.has(name))
  if (idle.length > 0) throw new TypeError(`no setting takes ${idle.join(', ')}`)
  return Object.fromEntries(filled)
}
