// A merge killed at each of its steps: each table is as it was or as it should be, and the next merge brings all to the end, once.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LakeOfEvents } from './lake-of-events.ts'

type Rows = (string | null)[][]
interface Content {
  history: Rows
  markers: Rows
  current: Rows
}

let template: string
let before: Content
let after: Content

async function content(events: LakeOfEvents): Promise<Content> {
  return {
    history: await events.rows('silver/shop/t_history', 'id', 'v', '_op', '_seq'),
    markers: await events.rows('silver/shop/t_deleted', 'id', '_op', '_offset'),
    current: await events.rows('silver/shop/t', 'id', 'v', '_offset'),
  }
}

async function copyOf(folder: string): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'binlake-merge-crash-'))
  await cp(folder, copy, { recursive: true, preserveTimestamps: true })
  return copy
}

beforeAll(async () => {
  const events = await LakeOfEvents.open()
  const first = [1, 2, 3, 4, 5].map((id, i) => ({ op: 'c', id, v: 'old', pos: 10 + i }))
  await events.ingest(...first, { op: 'd', id: 4, pos: 20 }, { op: 'd', id: 5, pos: 21 })
  await events.refine()
  before = await content(events)
  // A change, a deletion, a new key, and one that comes back.
  await events.ingest(
    { op: 'u', id: 1, v: 'new', pos: 30 },
    { op: 'd', id: 2, pos: 31 },
    { op: 'c', id: 9, v: 'new', pos: 32 },
    { op: 'c', id: 5, v: 'back', pos: 33 },
  )
  template = events.folder
  await events.duck.close()
  const whole = await LakeOfEvents.open(await copyOf(template))
  await whole.refine()
  after = await content(whole)
  await whole.close()
  expect(after.current.map(([id, v]) => [id, v])).toEqual([
    ['1', 'new'],
    ['3', 'old'],
    ['5', 'back'],
    ['9', 'new'],
  ])
  expect(after.markers.map(([id]) => id)).toEqual(['2', '4'])
}, 60_000)
afterAll(() => rm(template, { recursive: true, force: true }))

describe('killed', { timeout: 60_000 }, () => {
  it.each<[point: string, committed: number]>([
    ['write:uploaded', 0],
    ['commit:before-put', 0],
    ['commit:after-put', 1],
    ['merge:history-committed', 1],
    ['merge:planned', 1],
    ['write:uploaded:2', 1],
    ['merge:written', 1],
    ['commit:after-put:2', 2],
    ['merge:markers-committed', 2],
    ['merge:planned:2', 2],
    ['merge:written:2', 2],
    ['commit:before-put:3', 2],
    ['commit:after-put:3', 3],
  ])('at %s: of the three tables, %i have taken it', async (point, committed) => {
    const folder = await copyOf(template)
    let events: LakeOfEvents | undefined
    try {
      const worker = join(import.meta.dirname, 'merge-worker.ts')
      const env = { ...process.env, TMPDIR: folder }
      const child = spawn(process.execPath, [worker, folder, point], { stdio: ['ignore', 'ignore', 'inherit'], env })
      expect(await once(child, 'close')).toEqual([null, 'SIGKILL'])
      events = await LakeOfEvents.open(folder)
      const tables = (['history', 'markers', 'current'] as const).map((name, i) => [
        name,
        i < committed ? after[name] : before[name],
      ])
      expect(await content(events)).toEqual(Object.fromEntries(tables))
      await events.refine()
      expect(await content(events)).toEqual(after)
      expect(await events.refine()).toBeUndefined()
    } finally {
      await (events ? events.close() : rm(folder, { recursive: true, force: true }))
    }
  })
})
