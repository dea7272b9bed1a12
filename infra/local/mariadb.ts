// A MariaDB beside the local stack: for tests, and for whoever wants to try binlake on one.
// Guarantee: the binary log is as Debezium needs it (cdc-spec §7), and only accounts with a password exist.
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../command.ts'
import type { Report } from '../report.ts'
import { aptUnpacked } from './apt.ts'
import { accountFile, answers } from './mysql.ts'
import type { Mysqld } from './mysqld.ts'
import type { ServerDefinition } from './service.ts'

/** What cdc-spec §7 asks of the server, then what keeps a small machine small. `loose-`: not known to every version. */
export const mariadbSettings: Record<string, string> = {
  'server-id': '1',
  'log-bin': 'binlog',
  'binlog-format': 'ROW',
  'binlog-row-image': 'FULL',
  'log-bin-compress': 'OFF',
  'gtid-strict-mode': 'ON',
  'loose-binlog-legacy-event-pos': 'ON',
  'expire-logs-days': '7',
  'character-set-server': 'utf8mb4',
  'bind-address': '127.0.0.1',
  'skip-name-resolve': 'ON',
  'max-allowed-packet': '64M',
  'max-connections': '100',
  'innodb-buffer-pool-size': '64M',
  'innodb-log-file-size': '32M',
  'innodb-flush-log-at-trx-commit': '2',
  'performance-schema': 'OFF',
}

interface Options {
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

export async function mariadbServer(options: Options): Promise<ServerDefinition> {
  const { folder, port, secrets } = options
  const unpacked = await mariadbFolder(options)
  const mariadbd = await unpackedMariadbd(unpacked)
  const data = join(folder, 'data')
  const accounts = join(folder, 'accounts.sql')
  const socket = [join(folder, 'mariadb.sock'), join(tmpdir(), `binlake-mariadb-${port}.sock`)].find(path => path.length < 100)!
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : []
  const settings = Object.entries({
    ...mariadbSettings,
    ...options.settings,
    port: String(port),
    socket,
    'init-file': accounts,
    'secure-file-priv': join(folder, 'files'),
  })
  return {
    name: 'mariadb',
    url: `mysql://127.0.0.1:${port}`,
    port,
    logFile: join(folder, 'mariadb.log'),
    cwd: folder,
    command: mariadbd.command,
    args: [...mariadbd.args, `--datadir=${data}`, ...asRoot, ...settings.map(([name, value]) => `--${name}=${value}`)],
    ...(options.env ? { env: options.env } : {}),
    ready: () => answers(port, secrets.binlake!),
    readyWithinMs: 120_000,
    prepare: async () => {
      await mkdir(join(folder, 'files'), { recursive: true })
      await writeFile(accounts, accountFile(secrets), { mode: 0o600 })
      if (existsSync(data)) return
      const fresh = `${data}.new`
      await rm(fresh, { recursive: true, force: true })
      await mkdir(fresh, { recursive: true })
      const script = join(folder, 'bootstrap.sql')
      await writeFile(script, await bootstrap(join(unpacked, 'usr', 'share', 'mysql')))
      const args = [
        ...mariadbd.args,
        `--datadir=${fresh}`,
        ...asRoot,
        '--bootstrap',
        '--log-warnings=0',
        '--innodb-log-file-size=32M',
      ]
      const rest = options.signal ? { signal: options.signal } : {}
      await run('sh', ['-c', 'exec "$0" "$@" < bootstrap.sql', mariadbd.command, ...args], { cwd: folder, ...rest })
      await rename(fresh, data)
    },
  }
}

/** MariaDB of the machine's own release (Debian 12 and Ubuntu 24.04: 10.11), unpacked. */
function mariadbFolder(options: Options): Promise<string> {
  const hint = 'MariaDB is needed only to try binlake on it'
  return aptUnpacked('mariadb', { ...options, pattern: '^mariadb-server-core', suite: 'own', hint })
}

async function unpackedMariadbd(folder: string): Promise<Mysqld> {
  const triplet = (await readdir(join(folder, 'usr', 'lib'))).find(name => name.endsWith('-linux-gnu'))!
  // Releases differ in whether the C library lies in /lib or in /usr/lib.
  const libraries = ['lib', join('usr', 'lib')].map(lib => join(folder, lib, triplet)).filter(existsSync)
  for (const library of libraries) {
    const loader = (await readdir(library)).find(name => /^ld-linux.*\.so/.test(name))
    if (!loader) continue
    const share = join(folder, 'usr', 'share', 'mysql')
    return {
      command: join(library, loader),
      args: [
        '--library-path',
        libraries.join(':'),
        join(folder, 'usr', 'sbin', 'mariadbd'),
        '--no-defaults',
        `--lc-messages-dir=${share}`,
        `--character-sets-dir=${join(share, 'charsets')}`,
      ],
    }
  }
  throw new Error(`no loader in ${libraries.join(', ')}`)
}

/** What mariadb-install-db, a script of another package, would feed to the server: its system tables, without help texts. */
async function bootstrap(share: string): Promise<string> {
  const names = await readdir(share)
  const parts = ['system_tables.sql', 'performance_tables.sql', 'system_tables_data.sql']
  const files = parts.map(part => names.find(name => name === `mariadb_${part}` || name === `mysql_${part}`))
  const texts = await Promise.all(files.map(file => (file ? readFile(join(share, file), 'utf8') : '')))
  return ['CREATE DATABASE mysql;', 'USE mysql;', 'SET @auth_root_socket = NULL;', ...texts].join('\n')
}
