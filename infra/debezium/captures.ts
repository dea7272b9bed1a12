// Which connector of a Kafka Connect serves a topic prefix, and which tables it captures.
// Guarantee: judged by the live configuration, with Debezium's own rules for its lists.
import { StackError } from '../stack-error.ts'
import { connectRequest } from './connect-api.ts'

export interface LiveConnector {
  name: string
  config: Record<string, string>
}

/** Throws CONNECT_UNREACHABLE, and CONNECT_REFUSED if there is no such connector. */
export async function connectorOf(
  connectUrl: string,
  topicPrefix: string,
  options: { signal?: AbortSignal } = {},
): Promise<LiveConnector> {
  const all = await connectRequest<Record<string, { info: LiveConnector }>>(connectUrl, '/connectors?expand=info', options)
  const found = Object.values(all ?? {}).find(({ info }) => info.config['topic.prefix'] === topicPrefix)
  if (found) return { name: found.info.name, config: found.info.config }
  throw new StackError(
    'CONNECT_REFUSED',
    `Kafka Connect at ${new URL(connectUrl).origin} has no connector with topic.prefix=${topicPrefix}: check BINLAKE_TOPIC_PREFIX and BINLAKE_CONNECT_URL`,
  )
}

/**
 * The setting that keeps a table from being captured; undefined: it is captured. Lists are separated by commas, each entry is an anchored
 * regular expression that disregards case, as Debezium documents it.
 */
export function uncapturedBy(config: Record<string, string>, name: { database: string; table: string }): string | undefined {
  const whole = `${name.database}.${name.table}`
  const lists: [setting: string, text: string, wanted: boolean][] = [
    ['database.include.list', name.database, true],
    ['database.exclude.list', name.database, false],
    ['table.include.list', whole, true],
    ['table.exclude.list', whole, false],
  ]
  return lists.find(([setting, text, wanted]) => {
    const entries = (config[setting] ?? '')
      .split(',')
      .map(entry => entry.trim())
      .filter(Boolean)
    return entries.length > 0 && entries.some(entry => new RegExp(`^(?:${entry})$`, 'i').test(text)) !== wanted
  })?.[0]
}
