// Which mysqld the local stack runs: the machine's own, else one unpacked from its package mirror.
// Guarantee: what `findMysqld` finds is MySQL 8.0 or newer, never MariaDB.
import { existsSync } from 'node:fs'
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
  return unpackedProgram(await aptUnpacked('mysql', { ...options, pattern: '^mysql-server-core', hint }), 'mysqld')
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

/** A server of unpacked packages. They bring their own C library, newer than the machine's: its loader starts the program. */
export async function unpackedProgram(folder: string, name: 'mysqld' | 'mariadbd'): Promise<Mysqld> {
  const lib = join(folder, 'usr', 'lib')
  const triplet = (await readdir(lib)).find(name => name.endsWith('-linux-gnu'))!
  // Releases differ in whether the C library lies in /lib or in /usr/lib.
  const libraries = [join(folder, 'lib', triplet), join(lib, triplet), join(lib, 'mysql', 'private')].filter(existsSync)
  const files = (await Promise.all(libraries.map(async path => (await readdir(path)).map(file => join(path, file))))).flat()
  const loader = files.find(file => /\/ld-linux[^/]*\.so[^/]*$/.test(file))
  if (!loader) throw new Error(`no loader in ${libraries.join(', ')}`)
  const share = shareOf(folder)
  return {
    command: loader,
    args: [
      '--library-path',
      libraries.join(':'),
      join(folder, 'usr', 'sbin', name),
      '--no-defaults',
      `--lc-messages-dir=${share}`,
      `--character-sets-dir=${join(share, 'charsets')}`,
      `--plugin-dir=${join(lib, 'mysql', 'plugin')}`,
    ],
  }
}

/** Messages, character sets and system tables of an unpacked server. MariaDB 11 calls the folder by its own name. */
export function shareOf(folder: string): string {
  return ['mariadb', 'mysql'].map(name => join(folder, 'usr', 'share', name)).find(existsSync)!
}
