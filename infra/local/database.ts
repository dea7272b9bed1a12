// What a MySQL and a MariaDB of the local stack have in common: settings, accounts, data folder, start.
// Guarantee: only accounts with a password exist, and a data folder is there whole or not at all.
import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { account, userStatements } from '../mysql/users.ts'
import type { Report } from '../report.ts'
import type { Mysqld } from './mysqld.ts'
import type { ServerDefinition } from './service.ts'

/** What cdc-spec §7 asks of either server, then what keeps a small machine small. */
export const commonSettings: Record<string, string> = {
  'server-id': '1',
  'log-bin': 'binlog',
  'binlog-row-image': 'FULL',
  'character-set-server': 'utf8mb4',
  'bind-address': '127.0.0.1',
  'skip-name-resolve': 'ON',
  'max-allowed-packet': '64M',
  'max-connections': '100',
  // A crash of the machine may lose the last second. A crash of the server alone loses nothing.
  'innodb-flush-log-at-trx-commit': '2',
  'performance-schema': 'OFF',
}

export interface DatabaseOptions {
  /** Folder of this server: data, log and socket. */
  folder: string
  port: number
  /** Passwords of `mysql-root`, `debezium` and `binlake`. */
  secrets: Record<string, string>
  /** Other settings of the server, such as its time zone. */
  settings?: Record<string, string>
  env?: Record<string, string>
  report: Report
  signal?: AbortSignal
}

/** Which of the two it is. */
interface Database {
  name: 'mysql' | 'mariadb'
  program: Mysqld
  settings: Record<string, string>
  /** Fills the folder `data`, which is not there yet. `args` are the program's, with that folder among them. */
  initialize: (data: string, args: string[]) => Promise<unknown>
}

export function databaseServer(database: Database, options: DatabaseOptions): ServerDefinition {
  const { name, program, initialize } = database
  const { folder, port, secrets } = options
  const data = join(folder, 'data')
  const accounts = join(folder, 'accounts.sql')
  // The name of a socket has room for 107 bytes.
  const socket = [join(folder, `${name}.sock`), join(tmpdir(), `binlake-${name}-${port}.sock`)].find(path => path.length < 100)!
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : []
  const settings = { ...database.settings, ...options.settings, port: String(port), socket, 'init-file': accounts }
  const chosen = Object.entries(settings).map(([setting, value]) => `--${setting}=${value}`)
  return {
    name,
    url: `mysql://127.0.0.1:${port}`,
    port,
    logFile: join(folder, `${name}.log`),
    cwd: folder,
    command: program.command,
    args: [...program.args, `--datadir=${data}`, ...asRoot, ...chosen],
    ...(options.env ? { env: options.env } : {}),
    ready: () => answers(port, secrets.binlake!),
    readyWithinMs: 120_000,
    prepare: async () => {
      await mkdir(folder, { recursive: true })
      await writeFile(accounts, accountFile(secrets), { mode: 0o600 })
      if (existsSync(data)) return
      const fresh = `${data}.new`
      await rm(fresh, { recursive: true, force: true })
      await initialize(fresh, [...program.args, `--datadir=${fresh}`, ...asRoot])
      await rename(fresh, data)
    },
  }
}

/** The server runs this at every start: accounts and passwords follow the saved stack, and stay out of the binary log. */
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
async function answers(port: number, password: string): Promise<boolean> {
  try {
    const connection = await createConnection({ host: '127.0.0.1', port, user: 'binlake', password, connectTimeout: 2000 })
    connection.destroy()
    return true
  } catch {
    return false
  }
}
