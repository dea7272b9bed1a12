// MySQL of the local stack.
// Guarantee: the binary log is as Debezium needs it (cdc-spec §7), and only accounts with a password exist.
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { run } from '../command.ts'
import { account, userStatements } from '../mysql/users.ts'
import type { Report } from '../report.ts'
import { findMysqld } from './mysqld.ts'
import type { ServerDefinition } from './service.ts'

/** What cdc-spec §7 asks of the server, then what keeps a small machine small. */
export const serverSettings: Record<string, string> = {
  'server-id': '1',
  'log-bin': 'binlog',
  'loose-binlog-format': 'ROW',
  'binlog-row-image': 'FULL',
  'binlog-row-value-options': '',
  'binlog-transaction-compression': 'OFF',
  'binlog-expire-logs-seconds': '604800',
  'gtid-mode': 'ON',
  'enforce-gtid-consistency': 'ON',
  'loose-log-replica-updates': 'ON',
  'loose-replica-preserve-commit-order': 'ON',
  'character-set-server': 'utf8mb4',
  'default-time-zone': '+00:00',
  'bind-address': '127.0.0.1',
  'skip-name-resolve': 'ON',
  'loose-mysqlx': 'OFF',
  'secure-file-priv': 'NULL',
  'max-allowed-packet': '64M',
  'max-connections': '100',
  'innodb-buffer-pool-size': '128M',
  // A crash of the machine may lose the last second. A crash of MySQL alone loses nothing.
  'innodb-flush-log-at-trx-commit': '2',
  'sync-binlog': '0',
  'performance-schema': 'OFF',
  'table-open-cache': '400',
}

interface Options {
  /** Folder of this server: data, log and socket. */
  folder: string
  port: number
  secrets: Record<string, string>
  /** Other settings of the server, such as its time zone. */
  settings?: Record<string, string>
  env?: Record<string, string>
  report: Report
  signal?: AbortSignal
}

export async function mysqlServer(options: Options): Promise<ServerDefinition> {
  const { folder, port, secrets } = options
  const mysqld = await findMysqld(options)
  const data = join(folder, 'data')
  const logFile = join(folder, 'mysql.log')
  const accounts = join(folder, 'accounts.sql')
  const socket = [join(folder, 'mysql.sock'), join(tmpdir(), `binlake-mysql-${port}.sock`)].find(path => path.length < 100)!
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : []
  const settings = Object.entries({
    ...serverSettings,
    ...options.settings,
    port: String(port),
    socket,
    'init-file': accounts,
  })
  return {
    name: 'mysql',
    url: `mysql://127.0.0.1:${port}`,
    port,
    logFile,
    cwd: folder,
    command: mysqld.command,
    args: [...mysqld.args, `--datadir=${data}`, ...asRoot, ...settings.map(([name, value]) => `--${name}=${value}`)],
    ...(options.env ? { env: options.env } : {}),
    ready: () => answers(port, secrets.binlake!),
    readyWithinMs: 120_000,
    prepare: async () => {
      await mkdir(folder, { recursive: true })
      await writeFile(accounts, accountFile(secrets), { mode: 0o600 })
      if (existsSync(data)) return
      const fresh = `${data}.new`
      await rm(fresh, { recursive: true, force: true })
      const initialize = [...mysqld.args, `--datadir=${fresh}`, ...asRoot, '--initialize-insecure', '--loose-mysqlx=OFF']
      await run(mysqld.command, initialize, { cwd: folder, ...(options.signal ? { signal: options.signal } : {}) })
      await rename(fresh, data)
    },
  }
}

/** MySQL runs this at every start: accounts and passwords follow the saved stack, and stay out of the binary log. */
export function accountFile(secrets: Record<string, string>): string {
  const statements = [
    'SET sql_log_bin = 0',
    ...account('root', secrets['mysql-root']!, 'localhost'),
    ...account('root', secrets['mysql-root']!, '127.0.0.1'),
    "GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION",
    ...userStatements({ debezium: secrets.debezium!, binlake: secrets.binlake! }),
  ]
  return `${statements.join(';\n')};\n`
}

/** Whether a server lets binlake's user in. */
export async function answers(port: number, password: string): Promise<boolean> {
  try {
    const connection = await createConnection({ host: '127.0.0.1', port, user: 'binlake', password, connectTimeout: 2000 })
    connection.destroy()
    return true
  } catch {
    return false
  }
}
