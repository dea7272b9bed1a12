// Which mysqld the local stack runs: the machine's own, else one unpacked from its package mirror.
// Guarantee: MySQL 8.0 or newer, never MariaDB.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../command.ts'
import type { Report } from '../report.ts'
import { aptUnpacked } from './apt.ts'

/** How to call mysqld: the program itself, or the loader of its unpacked packages with the program as an argument. */
export interface Mysqld {
  command: string
  args: string[]
}

/** A `mysqld` of the machine if it is MySQL 8.0 or newer, else the one of the cache, fetched if need be. */
export async function findMysqld(options: { report: Report; signal?: AbortSignal }): Promise<Mysqld> {
  const own = await machineMysqld()
  if (own) return own
  const hint = 'install MySQL 8.0 or newer so that `mysqld` is on the PATH'
  return unpackedMysqld(await aptUnpacked('mysql', { ...options, pattern: '^mysql-server-core', hint }))
}

/** The machine's own `mysqld`, if it has one that is MySQL 8.0 or newer. */
export async function machineMysqld(): Promise<Mysqld | undefined> {
  for (const command of ['mysqld', '/usr/sbin/mysqld', '/usr/local/mysql/bin/mysqld']) {
    const output = await run(command, ['--no-defaults', '--version'], { timeoutMs: 20_000 }).catch(() => '')
    if (parseMysqlVersion(output)) return { command, args: ['--no-defaults'] }
  }
  return undefined
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
  }
}
