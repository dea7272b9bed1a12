// A MariaDB beside the local stack: for tests, and for whoever wants to try binlake on one.
// Guarantee: the binary log is as Debezium needs it (cdc-spec §7).
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../command.ts'
import { aptUnpacked } from './apt.ts'
import type { Suite } from './apt-mirror.ts'
import { commonSettings, type DatabaseOptions, databaseServer } from './database.ts'
import { shareOf, unpackedProgram } from './mysqld.ts'
import type { ServerDefinition } from './service.ts'

/** `loose-`: not known to every version from 10.11 on. */
const mariadbSettings: Record<string, string> = {
  ...commonSettings,
  'binlog-format': 'ROW',
  'log-bin-compress': 'OFF',
  'gtid-strict-mode': 'ON',
  'loose-binlog-legacy-event-pos': 'ON',
  'expire-logs-days': '7',
  'innodb-buffer-pool-size': '64M',
  'innodb-log-file-size': '32M',
}

interface Options extends DatabaseOptions {
  /** Debian 12 and Ubuntu 24.04 have MariaDB 10.11, Debian's newest suite has 11.8. Default: the machine's own release. */
  suite?: Suite
}

export async function mariadbServer(options: Options): Promise<ServerDefinition> {
  const { folder, suite = 'own' } = options
  const hint = 'MariaDB is needed only to try binlake on it'
  const entry = suite === 'own' ? 'mariadb' : `mariadb-${suite}`
  const unpacked = await aptUnpacked(entry, { ...options, pattern: '^mariadb-server-core', suite, hint })
  const program = await unpackedProgram(unpacked, 'mariadbd')
  const rest = { cwd: folder, ...(options.signal ? { signal: options.signal } : {}) }
  const files = join(folder, 'files')
  const initialize = async (data: string, args: string[]) => {
    for (const path of [data, files]) await mkdir(path, { recursive: true })
    await writeFile(join(folder, 'bootstrap.sql'), await bootstrap(unpacked))
    const all = [...args, '--bootstrap', '--log-warnings=0', '--innodb-log-file-size=32M']
    await run('sh', ['-c', 'exec "$0" "$@" < bootstrap.sql', program.command, ...all], rest)
  }
  const settings = { ...mariadbSettings, 'secure-file-priv': files }
  return databaseServer({ name: 'mariadb', program, settings, initialize }, options)
}

/** What mariadb-install-db, a script of another package, would feed to the server: its system tables, without help texts. */
async function bootstrap(unpacked: string): Promise<string> {
  const share = shareOf(unpacked)
  const names = await readdir(share)
  const parts = ['system_tables.sql', 'performance_tables.sql', 'system_tables_data.sql']
  const files = parts.map(part => names.find(name => name === `mariadb_${part}` || name === `mysql_${part}`))
  const texts = await Promise.all(files.map(file => (file ? readFile(join(share, file), 'utf8') : '')))
  return ['CREATE DATABASE mysql;', 'USE mysql;', 'SET @auth_root_socket = NULL;', ...texts].join('\n')
}
