// Programs from the machine's own Debian or Ubuntu mirror, unpacked beside the system, not installed.
// Guarantee: the machine's apt lists, cache and package database stay as they are.
import { existsSync } from 'node:fs'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../command.ts'
import type { Report } from '../report.ts'
import { StackError } from '../stack-error.ts'
import { machineMirror, type Suite, sourceText } from './apt-mirror.ts'
import { cached } from './download.ts'

interface Options {
  /** The first package, by name, that this pattern finds. */
  pattern: string
  /** What to do when it cannot be had, as a sentence part: `install …`. */
  hint: string
  /** Which of the distribution's suites; default: the newest. */
  suite?: Suite
  report: Report
  signal?: AbortSignal
}

/** Not needed to run anything, and large. */
const skipped = /^(perl|libperl|gcc-)/

/** Whether this machine has what `aptUnpacked` needs. */
export function hasApt(): boolean {
  return existsSync('/usr/bin/apt-get') && existsSync('/usr/bin/dpkg')
}

/** The folder in which the package and all its libraries are unpacked, as they would lie under `/`. */
export async function aptUnpacked(entry: string, options: Options): Promise<string> {
  const { report, signal, hint } = options
  const name = `${entry}-${process.arch}`
  return cached(
    name,
    async folder => {
      if (!hasApt())
        throw new StackError(
          'STACK_TOOL_MISSING',
          `${entry} was not found, and this is no Debian or Ubuntu to fetch it from: ${hint}`,
        )
      const apt = join(folder, 'apt')
      const config = await privateConfig(apt, options)
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
        await packageName(config, options),
      ]
      const uris = await run('apt-get', ['--print-uris', ...install], rest)
      const total = uris.match(/^'/gm)?.length ?? 0
      let done = 0
      const onLine = (line: string) => {
        if (/^Get:\d/.test(line))
          report({ step: `download ${name}`, state: 'progress', detail: line.split(' ')[4] ?? '', done: ++done, total })
      }
      await run('apt-get', install, { ...rest, onLine })
      const archives = join(apt, 'cache', 'archives')
      const packages = (await readdir(archives)).filter(file => file.endsWith('.deb') && !skipped.test(file))
      for (const file of packages) await run('dpkg', ['-x', join(archives, file), folder], rest)
      await rm(apt, { recursive: true })
    },
    options,
  )
}

/** An apt configuration whose lists, cache and package database lie in `folder`, and that reads one source. */
async function privateConfig(folder: string, { hint, suite }: Options): Promise<string> {
  for (const sub of ['parts', 'state/lists/partial', 'cache/archives/partial'])
    await mkdir(join(folder, sub), { recursive: true })
  const { release, mirror } = await machineMirror()
  if (!mirror)
    throw new StackError('STACK_TOOL_MISSING', `no mirror for ${release.id} ${release.codename} is set up in /etc/apt: ${hint}`)
  await writeFile(join(folder, 'status'), '')
  await writeFile(join(folder, 'parts', 'own.sources'), sourceText(mirror, release, suite))
  const config = join(folder, 'apt.conf')
  const hooks = ['APT::Update::Pre-Invoke', 'APT::Update::Post-Invoke', 'APT::Update::Post-Invoke-Success']
  const lines = [
    'Dir::Etc::sourcelist "/dev/null";',
    `Dir::Etc::sourceparts "${join(folder, 'parts')}";`,
    `Dir::State "${join(folder, 'state')}";`,
    `Dir::State::status "${join(folder, 'status')}";`,
    `Dir::Cache "${join(folder, 'cache')}";`,
    'APT::Sandbox::User "";',
    ...[...hooks, 'DPkg::Pre-Install-Pkgs', 'DPkg::Post-Invoke'].map(hook => `#clear ${hook};`),
  ]
  await writeFile(config, `${lines.join('\n')}\n`)
  return config
}

async function packageName(config: string, { pattern, hint }: Options): Promise<string> {
  const names = await run('apt-cache', ['-c', config, 'search', '--names-only', pattern])
  const [name] = names
    .split('\n')
    .map(line => line.split(' ')[0]!)
    .filter(Boolean)
    .sort()
  if (!name) throw new StackError('STACK_TOOL_MISSING', `the machine's package mirror has nothing like ${pattern}: ${hint}`)
  return name
}
