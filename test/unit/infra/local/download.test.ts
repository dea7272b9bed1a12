import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { cached, cacheRoot } from '../../../../infra/local/download.ts'
import type { StackEvent } from '../../../../infra/report.ts'

let cache = ''
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'binlake-cache-'))
  vi.stubEnv('BINLAKE_CACHE', cache)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(cache, { recursive: true })
})

test('is filled once, however many ask at the same time', async () => {
  let fills = 0
  const fill = async (folder: string) => {
    fills++
    await delay(30)
    await writeFile(join(folder, 'program'), 'whole')
  }
  const events: StackEvent[] = []
  const report = (event: StackEvent) => events.push(event)
  const folders = await Promise.all([1, 2, 3].map(() => cached('thing-1', fill, { report })))
  expect(fills).toBe(1)
  expect(new Set(folders)).toEqual(new Set([join(cacheRoot(), 'thing-1')]))
  expect(await readFile(join(folders[0]!, 'program'), 'utf8')).toBe('whole')
  expect(events.filter(event => event.state === 'progress')).toHaveLength(2)
  expect(await readdir(cacheRoot())).toEqual(['thing-1'])
})

test('a failed download leaves nothing and can be tried again', async () => {
  const events: StackEvent[] = []
  const report = (event: StackEvent) => events.push(event)
  const broken = async (folder: string) => {
    await writeFile(join(folder, 'program'), 'half')
    throw new Error('the line went dead')
  }
  await expect(cached('thing-2', broken, { report })).rejects.toMatchObject({ code: 'STACK_DOWNLOAD_FAILED', retryable: true })
  expect(await readdir(cacheRoot())).toEqual([])
  expect(events.at(-1)).toMatchObject({ step: 'download thing-2', state: 'failed', detail: 'the line went dead' })
  const folder = await cached('thing-2', async target => writeFile(join(target, 'program'), 'whole'), { report })
  expect(await readdir(folder)).toEqual(['program'])
})

test('what is there already is not reported and not filled', async () => {
  const report = vi.fn()
  await cached('thing-3', async () => {}, { report: () => {} })
  await cached('thing-3', () => Promise.reject(new Error('must not be called')), { report })
  expect(report).not.toHaveBeenCalled()
})
