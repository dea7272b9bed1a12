import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FileCache } from '../../../connectors/file-cache.ts'

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-cache-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const bytes = (text: string) => (temp: string) => writeFile(temp, text)
const refuse = () => Promise.reject(new Error('must not download'))

test('downloads once, however many ask at once', async () => {
  const cache = new FileCache(dir)
  let downloads = 0
  const download = async (temp: string) => {
    downloads++
    await writeFile(temp, 'data')
  }
  const files = await Promise.all(Array.from({ length: 5 }, () => cache.fetch('a/b.parquet', download)))
  expect(new Set(files).size).toBe(1)
  expect(downloads).toBe(1)
  expect(await readFile(await new FileCache(dir).fetch('a/b.parquet', refuse), 'utf8')).toBe('data')
})

test('a download that breaks off leaves nothing and can be repeated', async () => {
  const cache = new FileCache(dir)
  const broken = async (temp: string) => {
    await writeFile(temp, 'ha')
    throw new Error('lost')
  }
  await expect(cache.fetch('t/x', broken)).rejects.toThrow('lost')
  expect(await readdir(join(dir, 't'))).toEqual([])
  expect(await readFile(await cache.fetch('t/x', bytes('whole')), 'utf8')).toBe('whole')
})

test('over its limit it drops the files longest unused, never one in use', async () => {
  const cache = new FileCache(dir, { limit: 250, grace: 60_000 })
  const hundred = bytes('x'.repeat(100))
  const old = async (path: string, minutes: number) => {
    const then = new Date(Date.now() - minutes * 60_000)
    await utimes(await cache.fetch(path, hundred), then, then)
  }
  await old('t/oldest', 30)
  await old('t/older', 20)
  await cache.fetch('t/used', hundred)
  await cache.fetch('t/new', hundred)
  expect((await readdir(join(dir, 't'))).sort()).toEqual(['new', 'used'])
})

test('what crashed downloads left goes too', async () => {
  const cache = new FileCache(dir, { limit: 10, grace: 60_000 })
  await cache.fetch('t/a', bytes('a'))
  const left = join(dir, 't/b.0000.tmp')
  await writeFile(left, 'half')
  await utimes(left, 0, 0)
  await cache.fetch('t/c', bytes('cc'))
  expect((await readdir(join(dir, 't'))).sort()).toEqual(['a', 'c'])
})

test('a file adopted after an upload is not downloaded; a dropped one is', async () => {
  const cache = new FileCache(dir)
  const local = join(dir, 'local')
  await writeFile(local, 'mine')
  await cache.adopt('t/m', local)
  expect(await readFile(await cache.fetch('t/m', refuse), 'utf8')).toBe('mine')
  await cache.drop('t/m')
  await expect(cache.fetch('t/m', refuse)).rejects.toThrow('must not download')
})
