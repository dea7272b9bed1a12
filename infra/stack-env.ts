// The settings a stack hands to every command: the names of the configuration's environment variables.
// Guarantee: the same set of names for every kind of stack that has servers.
import { resolve } from 'node:path'
import { topicPrefix } from './connector-step.ts'

const policyFile = resolve(import.meta.dirname, '..', 'shop', 'policy.yaml')

const common = { BINLAKE_TOPIC_PREFIX: topicPrefix, BINLAKE_GROUP: 'binlake', BINLAKE_POLICY: policyFile }

export function serverEnv(places: {
  brokers: string
  mysqlUrl: string
  connectUrl: string
  azure: string
}): Record<string, string> {
  return {
    ...common,
    BINLAKE_KAFKA_BROKERS: places.brokers,
    BINLAKE_LAKE_URL: 'az://',
    AZURE_STORAGE_CONNECTION_STRING: places.azure,
    BINLAKE_MYSQL_URL: places.mysqlUrl,
    BINLAKE_CONNECT_URL: places.connectUrl,
  }
}

/** `dir` is the state folder: the event log and the tables lie inside. */
export function embeddedEnv(dir: string): Record<string, string> {
  const log = `embedded:${resolve(dir, 'embedded')}`
  return { ...common, BINLAKE_KAFKA_BROKERS: log, BINLAKE_MYSQL_URL: log, BINLAKE_LAKE_URL: `file://${resolve(dir, 'lake')}` }
}

/** mysql://user:password@127.0.0.1:port/shop */
export function mysqlUrl(user: string, password: string, options: { port: number; database: string }): string {
  return `mysql://${user}:${encodeURIComponent(password)}@127.0.0.1:${options.port}/${options.database}`
}
