// Maintenance killed at each of its steps: the tables are whole, the next maintenance finishes it and leaves nothing behind.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tablePaths, zones } from '../../../../lake/layout.ts'
import { dataPath } from '../../../../lake/path.ts'
import { LakeOfEvents } from '../lake-of-events.ts'

const paths = ['bronze/shop/t', 'silver/shop/t', 'silver/shop/t_history', 'silver/shop/t_deleted']
let template: string
let expected: unknown

async function content(events: LakeOfEvents): Promise<unknown> {
  return Promise.all([
    events.rows('bronze/shop/t', '_offset', '_key', '_value'),
    events.rows('silver/shop/t', 'id', 'v', '_offset'),
    events.rows('silver/shop/t_history', 'id', 'v', '_op', '_seq'),
    events.rows('silver/shop/t_deleted', 'id', '_op'),
  ])
}

beforeAll(async () => {
  const events = await LakeOfEvents.open()
  for (let i = 0; i < 14; i++) {
    const op = i % 7 === 6 ? 'd' : i < 4 ? 'c' : 'u'
    await events.ingest({ op, id: i % 4, v: `v${i}`, pos: 10 + i })
    await events.refine()
  }
  expected = await content(events)
  await events.duck.close()
  template = events.folder
}, 60_000)
afterAll(() => rm(template, { recursive: true, force: true }))

async function maintain(folder: string, point?: string): Promise<NodeJS.Signals | number> {
  const args = [join(import.meta.dirname, 'maintain-worker.ts'), folder, '3', ...(point ? [point] : [])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return signal ?? code!
}

describe('killed', { timeout: 60_000 }, () => {
  it.each([
    'compact:written:2',
    'commit:after-put',
    'commit:after-put:2',
    'checkpoint:before-put',
    'checkpoint:before-hint',
    'cleanup:deleted-one',
    'cleanup:deleted-one:7',
    'vacuum:deleted-one:5',
  ])('at %s', async point => {
    const folder = await mkdtemp(join(tmpdir(), 'binlake-crash-'))
    await cp(template, folder, { recursive: true, preserveTimestamps: true })
    let events: LakeOfEvents | undefined
    try {
      expect(await maintain(folder, point)).toBe('SIGKILL')
      events = await LakeOfEvents.open(folder)
      expect(await content(events)).toEqual(expected)
      await events.duck.close()
      expect(await maintain(folder)).toBe(0)
      events = await LakeOfEvents.open(folder)
      expect(await content(events)).toEqual(expected)
      expect(await strays(events)).toEqual([])
    } finally {
      await events?.close()
      await rm(folder, { recursive: true, force: true })
    }
  })
})

/** Data files that are not live, and half-written ones. */
async function strays({ lake, folder }: LakeOfEvents): Promise<string[]> {
  const live = new Set<string>()
  const found: string[] = []
  expect((await Promise.all(zones.map(zone => tablePaths(lake.store, zone)))).flat().sort()).toEqual([...paths].sort())
  for (const path of paths) {
    const snapshot = (await lake.current(path))!
    for (const file of snapshot.files.keys()) live.add(dataPath(lake.table(path), file))
    for await (const { path: object } of lake.store.list(`${path}/`))
      if (!object.includes('/_delta_log/') && !live.has(object)) found.push(object)
  }
  const names = await readdir(join(folder, 'lake'), { recursive: true })
  return [...found, ...names.filter(name => name.endsWith('.tmp'))]
}
