// Which tables the connector leaves out, so that nobody misses them in the lake.
import { connectorOf, uncapturedBy } from '../infra/debezium/captures.ts'
import type { TableName } from '../processors/source-schema.ts'
import type { Session } from './session.ts'

/** Why a table is not captured; undefined: it is. Where Connect cannot be asked, all are taken to be. */
export async function uncaptured({ config, log, signal }: Session): Promise<(table: TableName) => string | undefined> {
  const { url } = config.connect
  const { prefix } = config.kafka
  if (!url || !prefix) return () => undefined
  try {
    const { name, config: live } = await connectorOf(url, prefix, { signal })
    return table => {
      const setting = uncapturedBy(live, table)
      return setting && `connector ${name} does not capture it (${setting})`
    }
  } catch (error) {
    signal.throwIfAborted()
    log.debug({ err: error }, 'Connect could not be asked which tables it captures')
    return () => undefined
  }
}
