// MySQL from the machine's own Debian or Ubuntu mirror, unpacked beside the system, not installed.
// Guarantee: apt's lists, cache and package database of the machine stay as they are; the only mirror used is the one in /etc/apt.
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../command.ts'
import type { Report } from '../report.ts'
import { StackError } from '../stack-error.ts'
import { cached } from './download.ts'

interface Options {
  report: Report
  signal?: AbortSignal
}

/** A mirror of the machine's distribution. */
export interface Mirror {
  uri: string
  /** A keyring's path, or the key itself; apt's default keys if absent. */
  signedBy?: string
}

const hint = 'install MySQL 8.0 or newer so that `mysqld` is on the PATH'

/** The folder in which MySQL's packages and all their libraries are unpacked (60 MB to fetch, 330 MB on disk). */
export async function aptMysql(options: Options): Promise<string> {
  const name = `mysql-${process.arch}`
  return cached(
    name,
    async folder => {
      if (!existsSync('/usr/bin/apt-get'))
        throw new StackError('STACK_TOOL_MISSING', `MySQL was not found and this is no Debian or Ubuntu: ${hint}`)
      const apt = join(folder, 'apt')
      const config = await privateConfig(apt)
      const { signal } = options
      const rest = signal ? { signal } : {}
      await run('apt-get', ['-c', config, '-q', 'update'], rest)
      const install = [
        '-c',
        config,
        '-q',
        '-y',
        '--no-install-recommends',
        '--download-only',
        'install',
        await packageName(config),
      ]
      const total = await run('apt-get', ['--print-uris', ...install], rest).then(output => output.match(/^'/gm)?.length)
      let done = 0
      await run('apt-get', install, {
        ...rest,
        onLine: line => {
          if (/^Get:\d/.test(line))
            options.report({
              step: `download ${name}`,
              state: 'progress',
              detail: line.split(' ')[4] ?? '',
              done: ++done,
              ...(total ? { total } : {}),
            })
        },
      })
      const archives = join(apt, 'cache', 'archives')
      for (const file of await readdir(archives)) {
        if (file.endsWith('.deb') && !/^(perl|libperl|gcc-)/.test(file))
          await run('dpkg', ['-x', join(archives, file), folder], rest)
      }
      await rm(apt, { recursive: true })
    },
    options,
  )
}

/** An apt configuration whose lists, cache and package database lie in `folder`, and that reads one source. */
async function privateConfig(folder: string): Promise<string> {
  for (const sub of ['parts', 'state/lists/partial', 'cache/archives/partial'])
    await mkdir(join(folder, sub), { recursive: true })
  const release = parseRelease(await readFile('/etc/os-release', 'utf8'))
  const mirror = findMirror(await machineSources(), release.codename)
  if (!mirror)
    throw new StackError('STACK_TOOL_MISSING', `no mirror for ${release.id} ${release.codename} is set up in /etc/apt: ${hint}`)
  await writeFile(join(folder, 'status'), '')
  await writeFile(join(folder, 'parts', 'mysql.sources'), source(mirror, release))
  const config = join(folder, 'apt.conf')
  const hooks = [
    'APT::Update::Pre-Invoke',
    'APT::Update::Post-Invoke',
    'APT::Update::Post-Invoke-Success',
    'DPkg::Pre-Install-Pkgs',
    'DPkg::Post-Invoke',
  ]
  const lines = [
    'Dir::Etc::sourcelist "/dev/null";',
    `Dir::Etc::sourceparts "${join(folder, 'parts')}";`,
    `Dir::State "${join(folder, 'state')}";`,
    `Dir::State::status "${join(folder, 'status')}";`,
    `Dir::Cache "${join(folder, 'cache')}";`,
    'APT::Sandbox::User "";',
    ...hooks.map(hook => `#clear ${hook};`),
  ]
  await writeFile(config, `${lines.join('\n')}\n`)
  return config
}

/** Debian keeps MySQL in its unstable suite only; Ubuntu has it in every release. */
function source(mirror: Mirror, release: { id: string; codename: string }): string {
  const debian = release.id === 'debian'
  return `Types: deb
URIs: ${mirror.uri}
Suites: ${debian ? 'sid' : `${release.codename} ${release.codename}-updates`}
Components: ${debian ? 'main' : 'main universe'}
${mirror.signedBy ? `Signed-By: ${mirror.signedBy}\n` : ''}`
}

async function packageName(config: string): Promise<string> {
  const names = await run('apt-cache', ['-c', config, 'search', '--names-only', '^mysql-server-core'])
  const name = names
    .split('\n')
    .map(line => line.split(' ')[0]!)
    .filter(Boolean)
    .sort()[0]
  if (!name) throw new StackError('STACK_TOOL_MISSING', `the machine's package mirror has no mysql-server-core: ${hint}`)
  return name
}

/** Every apt source of the machine, as text. */
async function machineSources(): Promise<string[]> {
  const folder = '/etc/apt/sources.list.d'
  const files = (await readdir(folder).catch(() => []))
    .filter(file => /\.(list|sources)$/.test(file))
    .map(file => join(folder, file))
  return Promise.all([...files, '/etc/apt/sources.list'].map(file => readFile(file, 'utf8').catch(() => '')))
}

/** The first source that serves the distribution's own release, in either of apt's two formats. */
export function findMirror(sources: readonly string[], codename: string): Mirror | undefined {
  for (const text of sources) {
    for (const stanza of text.split(/\n\s*\n/)) {
      const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*(?:\\n[ \\t].*)*)`, 'im').exec(withoutComments(stanza))?.[1]
      const [uri, suites, signedBy] = [field('URIs')?.trim().split(/\s+/)[0], field('Suites'), field('Signed-By')]
      if (uri && suites?.trim().split(/\s+/).includes(codename) && /\bdeb\b/.test(field('Types') ?? '')) {
        return { uri, ...(signedBy ? { signedBy } : {}) }
      }
    }
    for (const line of text.split('\n')) {
      const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s/.exec(line)
      if (match?.[3] !== codename) continue
      const signedBy = /signed-by=(\S+)/.exec(match[1] ?? '')?.[1]
      return { uri: match[2]!, ...(signedBy ? { signedBy } : {}) }
    }
  }
  return undefined
}

function withoutComments(text: string): string {
  return text.replace(/^#.*\n?/gm, '')
}

/** `ID` and `VERSION_CODENAME` of /etc/os-release. */
export function parseRelease(text: string): { id: string; codename: string } {
  const field = (name: string) => new RegExp(`^${name}="?([^"\\n]*)`, 'm').exec(text)?.[1] ?? ''
  return { id: field('ID'), codename: field('VERSION_CODENAME') }
}
