// Asks the configured connector, by its signal table, for a snapshot of some rows.
import type { RowKeys } from '../connectors/source-rows.ts'
import { need } from './config.ts'
import { embeddedFolder } from './open-source.ts'
import type { Session } from './session.ts'

/** What it returns throws VERIFY_NO_SIGNALS, MysqlError, StackError. */
export function askForRows({ config, signal, log }: Session) {
  return async (table: { database: string; table: string }, rows: RowKeys | undefined): Promise<void> => {
    const [{ connectorOf }, { askForSnapshots }, { noSignals }] = await Promise.all([
      import('../infra/debezium/captures.ts'),
      import('../connectors/snapshot-requests.ts'),
      import('../processors/verify/repair.ts'),
    ])
    const url = need(config.mysql.url, 'mysql.url')
    if (embeddedFolder(url)) throw noSignals('the embedded stack has no connector')
    const connector = await connectorOf(need(config.connect.url, 'connect.url'), need(config.kafka.prefix, 'kafka.prefix'), {
      signal,
    })
    const place = connector.config['signal.data.collection']
    const channels = connector.config['signal.enabled.channels'] ?? 'source'
    if (!place || !channels.split(',').some(channel => channel.trim() === 'source'))
      throw noSignals(`connector ${connector.name} has no signal.data.collection (infra/debezium/mysql.json shows how)`)
    const { requests, whole } = await askForSnapshots(url, place, { ...table, rows })
    log.info({ table: `${table.database}.${table.table}`, requests, whole }, 'asked the connector for a snapshot')
  }
}
