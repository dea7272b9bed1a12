// Asks the connector to read the self-test's table once more, as a snapshot, by a row in its signal table.
import { randomUUID } from 'node:crypto'
import type { MysqlSession } from '../../connectors/mysql-session.ts'
import type { TableName } from '../source-schema.ts'

/** Undefined: asked. Else why not. `config` is the connector's. */
export async function askForSnapshot(
  mysql: MysqlSession,
  config: Readonly<Record<string, string>>,
  { database, table }: TableName,
): Promise<string | undefined> {
  const [signalDatabase, ...rest] = (config['signal.data.collection'] ?? '').split('.')
  const signalTable = rest.join('.')
  if (!signalDatabase || !signalTable)
    return 'snapshot: the connector has no signal.data.collection, so no snapshot could be asked for'
  const data = JSON.stringify({ type: 'incremental', 'data-collections': [`${escaped(database)}\\.${escaped(table)}`] })
  try {
    await mysql.query(
      `INSERT INTO ${quoted(signalDatabase)}.${quoted(signalTable)} (id, type, data) VALUES ('${randomUUID()}', 'execute-snapshot', ${hex(data)})`,
    )
    return undefined
  } catch {
    return `snapshot: mysql.url's user may not write to the connector's signal table ${signalDatabase}.${signalTable}, so no snapshot could be asked for`
  }
}

/** Debezium takes the names for regular expressions. */
function escaped(name: string): string {
  return name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

function hex(text: string): string {
  return `CONVERT(x'${Buffer.from(text).toString('hex')}' USING utf8mb4)`
}
