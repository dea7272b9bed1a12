// MySQL of the local stack.
// Guarantee: the binary log is as Debezium needs it (cdc-spec §7).
import { run } from '../command.ts'
import { commonSettings, type DatabaseOptions, databaseServer } from './database.ts'
import { findMysqld } from './mysqld.ts'
import type { ServerDefinition } from './service.ts'

/** `loose-`: not known to every version from 8.0 on. */
export const serverSettings: Record<string, string> = {
  ...commonSettings,
  'loose-binlog-format': 'ROW',
  'binlog-row-value-options': '',
  'loose-binlog-transaction-compression': 'OFF',
  'binlog-expire-logs-seconds': '604800',
  'gtid-mode': 'ON',
  'enforce-gtid-consistency': 'ON',
  'loose-log-replica-updates': 'ON',
  'loose-replica-preserve-commit-order': 'ON',
  'default-time-zone': '+00:00',
  'loose-mysqlx': 'OFF',
  'secure-file-priv': 'NULL',
  'innodb-buffer-pool-size': '128M',
  'sync-binlog': '0',
  'table-open-cache': '400',
}

export async function mysqlServer(options: DatabaseOptions): Promise<ServerDefinition> {
  const program = await findMysqld(options)
  const rest = { cwd: options.folder, ...(options.signal ? { signal: options.signal } : {}) }
  const initialize = (_: string, args: string[]) =>
    run(program.command, [...args, '--initialize-insecure', '--loose-mysqlx=OFF'], rest)
  return databaseServer({ name: 'mysql', program, settings: serverSettings, initialize }, options)
}
