// Which package mirror this machine uses, read from /etc/apt.
// Guarantee: no address but the machine's own is ever used.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** A mirror of the machine's distribution. */
export interface Mirror {
  uri: string
  /** A keyring's path, or the key itself; apt's default keys if absent. */
  signedBy?: string
}

export interface Release {
  /** `debian`, `ubuntu`, … */
  id: string
  /** `bookworm`, `noble`, … */
  codename: string
}

/** The machine's release, and the mirror it is installed from, if there is one. */
export async function machineMirror(): Promise<{ release: Release; mirror: Mirror | undefined }> {
  const release = parseRelease(await readFile('/etc/os-release', 'utf8').catch(() => ''))
  const folder = '/etc/apt/sources.list.d'
  const names = (await readdir(folder).catch(() => [])).filter(name => /\.(list|sources)$/.test(name))
  const files = [...names.map(name => join(folder, name)), '/etc/apt/sources.list']
  const texts = await Promise.all(files.map(file => readFile(file, 'utf8').catch(() => '')))
  return { release, mirror: findMirror(texts, release.codename) }
}

/** `newest`: Debian's unstable suite, which alone has MySQL. `own`: the machine's release. Ubuntu has all of it in every release. */
export type Suite = 'newest' | 'own'

/** Text of an apt source in the newer format. */
export function sourceText(mirror: Mirror, release: Release, suite: Suite = 'newest'): string {
  const debian = release.id === 'debian'
  return `Types: deb
URIs: ${mirror.uri}
Suites: ${debian && suite === 'newest' ? 'sid' : `${release.codename} ${release.codename}-updates`}
Components: ${debian ? 'main' : 'main universe'}
${mirror.signedBy ? `Signed-By: ${mirror.signedBy}\n` : ''}`
}

/** The first source that serves the distribution's own release, in either of apt's two formats. */
export function findMirror(sources: readonly string[], codename: string): Mirror | undefined {
  return sources.map(text => inStanzas(text, codename) ?? inLines(text, codename)).find(mirror => mirror !== undefined)
}

function inStanzas(text: string, codename: string): Mirror | undefined {
  for (const stanza of text.replace(/^#.*\n?/gm, '').split(/\n\s*\n/)) {
    const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.*(?:\\n[ \\t].*)*)`, 'im').exec(stanza)?.[1]
    const uri = field('URIs')?.trim().split(/\s+/)[0]
    const signedBy = field('Signed-By')
    const serves = field('Suites')?.trim().split(/\s+/).includes(codename) && /\bdeb\b/.test(field('Types') ?? '')
    if (uri && serves && !/^no$/i.test(field('Enabled')?.trim() ?? '')) return { uri, ...(signedBy ? { signedBy } : {}) }
  }
  return undefined
}

function inLines(text: string, codename: string): Mirror | undefined {
  for (const line of text.split('\n')) {
    const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s/.exec(line)
    if (match?.[3] !== codename) continue
    const signedBy = /signed-by=(\S+)/.exec(match[1] ?? '')?.[1]
    return { uri: match[2]!, ...(signedBy ? { signedBy } : {}) }
  }
  return undefined
}

/** `ID` and `VERSION_CODENAME` of /etc/os-release. */
export function parseRelease(text: string): Release {
  const field = (name: string) => new RegExp(`^${name}="?([^"\\n]*)`, 'm').exec(text)?.[1] ?? ''
  return { id: field('ID'), codename: field('VERSION_CODENAME') }
}
