import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
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

test('a copy of another size than the log says is fetched anew; one of the right size is not', async () => {
  const cache = new FileCache(dir)
  await cache.fetch('t/cut', bytes('trunc'))
  expect(await readFile(await cache.fetch('t/cut', bytes('truncated not'), 13), 'utf8')).toBe('truncated not')
  expect(await readFile(await cache.fetch('t/cut', refuse, 13), 'utf8')).toBe('truncated not')
})

test('what is adopted counts towards the limit', async () => {
  const cache = new FileCache(dir, { limit: 250, grace: 0 })
  for (let n = 0; n < 6; n++) {
    await writeFile(join(dir, 'local'), 'x'.repeat(100))
    await cache.adopt(`t/${n}`, join(dir, 'local'))
    await sleep(20)
  }
  expect((await readdir(join(dir, 't'))).sort()).toEqual(['4', '5'])
})

test('files unused for longer than `keep` go though there is room', async () => {
  const first = new FileCache(dir)
  const old = await first.fetch('t/old', bytes('old'))
  await first.fetch('t/young', bytes('young'))
  const then = new Date(Date.now() - 8 * 24 * 3_600_000)
  await utimes(old, then, then)
  await new FileCache(dir).fetch('t/new', bytes('new'))
  expect((await readdir(join(dir, 't'))).sort()).toEqual(['new', 'young'])
})

const diskFull = () => Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' }))

test('on a full disk what is not in use makes room, and the download is tried once more', async () => {
  const cache = new FileCache(dir, { grace: 60_000 })
  const old = await cache.fetch('t/old', bytes('old'))
  const then = new Date(Date.now() - 30 * 60_000)
  await utimes(old, then, then)
  await cache.fetch('t/used', bytes('used'))
  let tries = 0
  const file = await cache.fetch('t/new', temp => (++tries === 1 ? diskFull() : writeFile(temp, 'new')))
  expect(await readFile(file, 'utf8')).toBe('new')
  expect((await readdir(join(dir, 't'))).sort()).toEqual(['new', 'used'])
})

test('a disk that stays full says so, where, and what to do; nothing is left behind', async () => {
  const cache = new FileCache(dir, { grace: 60_000 })
  await cache.fetch('t/used', bytes('used'))
  await expect(cache.fetch('t/new', diskFull)).rejects.toMatchObject({
    code: 'STORE_FULL',
    retryable: true,
    message: expect.stringMatching(/^\/.*in use.*lake\.cache/),
  })
  expect(await readdir(join(dir, 't'))).toEqual(['used'])
})

test('processes that fetch and evict at once get whole files, always', async () => {
  const program = `
    import { FileCache } from ${JSON.stringify(join(import.meta.dirname, '../../../connectors/file-cache.ts'))}
    import { readFileSync, writeFileSync } from 'node:fs'
    const cache = new FileCache(${JSON.stringify(dir)}, { limit: 20_000, grace: 250 })
    let downloads = 0
    for (let n = 0; n < 600; n++) {
      await new Promise(done => setTimeout(done, 2))
      const name = Math.floor(Math.random() * 200)
      const file = await cache.fetch('t/' + name, async temp => {
        downloads++
        writeFileSync(temp, String(name % 10).repeat(500))
        await new Promise(done => setTimeout(done, 1))
        writeFileSync(temp, String(name % 10).repeat(500), { flag: 'a' })
      }, 1000)
      if (readFileSync(file, 'utf8') !== String(name % 10).repeat(1000)) throw new Error('torn file')
    }
    process.stdout.write(String(downloads))`
  const run = promisify(execFile)
  const runs = await Promise.all([1, 2].map(() => run(process.execPath, ['--input-type=module', '-e', program])))
  // More downloads than names: files were evicted, and came again.
  expect(Number(runs[0]!.stdout) + Number(runs[1]!.stdout)).toBeGreaterThan(220)
  const left = await readdir(join(dir, 't'))
  expect(left.filter(name => name.endsWith('.tmp'))).toEqual([])
})
