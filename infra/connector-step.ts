// The last step of `up`, the same for Docker and local processes: tables, then the connector, then a look at what runs.
// Guarantee: no stack is called ready with an unsafe connector.
import { createStatements } from '../shop/tables.ts'
import { checkConnector } from './debezium/check.ts'
import { ensureConnector } from './debezium/connector.ts'
import { describe } from './debezium/rule.ts'
import { type ConnectorPlaces, connectorConfig } from './debezium/template.ts'
import { prepareDatabase } from './mysql/prepare.ts'
import { type Report, step } from './report.ts'
import { StackError } from './stack-error.ts'

/** The connector's name, and its topic.prefix. */
export const connectorName = 'shop-cdc'
export const topicPrefix = 'shop'

interface Options {
  mysqlUrl: string
  connectUrl: string
  places: ConnectorPlaces
  report: Report
  signal?: AbortSignal
}

/** Returns what became of the connector. Throws CONNECTOR_UNSAFE, and what `ensureConnector` throws. */
export async function connectShop(options: Options): Promise<'created' | 'updated' | 'unchanged'> {
  const { mysqlUrl, connectUrl, places, report, signal } = options
  const rest = signal ? { signal } : {}
  await step(report, 'tables', () => prepareDatabase(mysqlUrl, createStatements()))
  const change = await step(report, 'connector', async () => {
    const settings = { name: connectorName, config: await connectorConfig(places) }
    return ensureConnector(connectUrl, settings, rest)
  })
  const unsafe = await checkConnector(connectUrl, connectorName, rest)
  if (unsafe.length > 0)
    throw new StackError('CONNECTOR_UNSAFE', `the connector ${connectorName} runs with unsafe settings:\n${describe(unsafe)}`)
  return change
}
