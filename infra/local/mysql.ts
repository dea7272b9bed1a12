// MySQL of the local stack.
// Guarantee: the binary log is as Debezium needs it (cdc-spec §7), and only accounts with a password exist.
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { run } from '../command.ts'
import { account, userStatements } from '../mysql/users.ts'
import type { Report } from '../report.ts'
import { aptMysql } from './apt.ts'
import type { ServerDefinition } from './service.ts'

/** How to call mysqld: the program itself, or the loader of its unpacked packages with the program as an argument. */
export interface Mysqld {
  command: string
  args: string[]
  /** For people. */
  source: string
}

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
  'log-replica-updates': 'ON',
  'replica-preserve-commit-order': 'ON',
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
    port: String(port),
    socket,
    'pid-file': join(folder, 'mysql.pid'),
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
    ready: () => answers(port, secrets.binlake!),
    readyWithinMs: 120_000,
    prepare: async () => {
      await mkdir(folder, { recursive: true })
      await writeFile(accounts, accountFile(secrets), { mode: 0o600 })
      if (existsSync(data)) return
      const fresh = `${data}.new`
      await rm(fresh, { recursive: true, force: true })
      await run(
        mysqld.command,
        [...mysqld.args, `--datadir=${fresh}`, ...asRoot, '--initialize-insecure', '--loose-mysqlx=OFF'],
        {
          cwd: folder,
          ...(options.signal ? { signal: options.signal } : {}),
        },
      )
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

async function answers(port: number, password: string): Promise<boolean> {
  try {
    const connection = await createConnection({ host: '127.0.0.1', port, user: 'binlake', password, connectTimeout: 2000 })
    connection.destroy()
    return true
  } catch {
    return false
  }
}

/** A `mysqld` of the machine if it is MySQL 8.0 or newer, else the one of the cache, fetched if need be. */
async function findMysqld(options: Options): Promise<Mysqld> {
  for (const command of ['mysqld', '/usr/sbin/mysqld', '/usr/local/mysql/bin/mysqld']) {
    const version = parseMysqlVersion(await run(command, ['--no-defaults', '--version'], { timeoutMs: 20_000 }).catch(() => ''))
    if (version) return { command, args: ['--no-defaults'], source: `${command} ${version}` }
  }
  return unpackedMysqld(await aptMysql(options))
}

/** `8.4.2` from what `mysqld --version` says; undefined for MariaDB and for anything before 8.0. */
export function parseMysqlVersion(output: string): string | undefined {
  if (/mariadb/i.test(output)) return undefined
  const match = /Ver (\d+)\.(\d+\.\d+)/.exec(output)
  return match && Number(match[1]) >= 8 ? `${match[1]}.${match[2]}` : undefined
}

/** The packages bring their own C library, newer than the machine's: its loader starts the program. */
async function unpackedMysqld(folder: string): Promise<Mysqld> {
  const lib = join(folder, 'usr', 'lib')
  const triplet = (await readdir(lib)).find(name => name.endsWith('-linux-gnu'))!
  const libraries = join(lib, triplet)
  const loader = (await readdir(libraries)).find(name => /^ld-linux.*\.so/.test(name))!
  const share = join(folder, 'usr', 'share', 'mysql')
  return {
    command: join(libraries, loader),
    args: [
      '--library-path',
      `${libraries}:${join(lib, 'mysql', 'private')}`,
      join(folder, 'usr', 'sbin', 'mysqld'),
      '--no-defaults',
      `--lc-messages-dir=${share}`,
      `--character-sets-dir=${join(share, 'charsets')}`,
      `--plugin-dir=${join(lib, 'mysql', 'plugin')}`,
    ],
    source: folder,
  }
}
