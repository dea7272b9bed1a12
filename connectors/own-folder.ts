// Folders for a process's passing files, which the next process clears away if this one is killed.
// Guarantee: a folder of a living process is never touched; one of a dead process on this machine goes at the next start.
import { createHash } from 'node:crypto'
import { readlinkSync, rmSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join as joinPath } from 'node:path'
import { lives, startOf } from './process-life.ts'

/** Every so often a process touches its folders: other machines and containers cannot see whether it lives. Milliseconds. */
const beat = 10 * 60_000
/** Without a beat for so long, a folder of another machine or container is a dead process's. */
const silence = 24 * 3_600_000

const mine = new Set<string>()
const swept = new Set<string>()

/** Makes `parent/kind-…` for this process, once it has removed what dead processes left of that kind there. */
export async function makeOwnFolder(parent: string, kind: string): Promise<string> {
  await mkdir(parent, { recursive: true })
  const place = joinPath(parent, kind)
  if (!swept.has(place)) {
    swept.add(place)
    await sweep(parent, kind)
  }
  const folder = await mkdtemp(joinPath(parent, `${kind}-${here()}-${process.pid}-${startOf(process.pid)}-`))
  if (mine.size === 0) keepBeating()
  mine.add(folder)
  return folder
}

/** Removes a folder that `makeOwnFolder` made, with what is in it. At the process's own end it goes by itself. */
export async function removeOwnFolder(folder: string): Promise<void> {
  mine.delete(folder)
  await rm(folder, { recursive: true, force: true })
}

async function sweep(parent: string, kind: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(`${kind}-`)) continue
    const [, place, pid, start] = /^-([0-9a-f]{8})-(\d+)-(\d*)-[^-]+$/.exec(name.slice(kind.length)) ?? []
    if (place === undefined) continue
    const folder = joinPath(parent, name)
    const dead = place === here() ? !lives(Number(pid), start!) : await silent(folder)
    // Best effort: it may be another user's, or just being removed by another process.
    if (dead) await rm(folder, { recursive: true, force: true }).catch(() => undefined)
  }
}

let heart: NodeJS.Timeout | undefined

function keepBeating(): void {
  if (heart) return
  heart = setInterval(() => {
    const now = new Date()
    for (const folder of mine) void utimes(folder, now, now).catch(() => undefined)
  }, beat).unref()
  process.once('exit', () => {
    for (const folder of mine) rmSync(folder, { recursive: true, force: true })
  })
}

async function silent(folder: string): Promise<boolean> {
  const touched = await stat(folder).then(
    found => found.mtimeMs,
    () => Date.now(),
  )
  return touched < Date.now() - silence
}

/** Where process numbers mean the same: this machine, and in it this container. */
function here(): string {
  return createHash('sha256').update(`${hostname()} ${namespace()}`).digest('hex').slice(0, 8)
}

function namespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return ''
  }
}
