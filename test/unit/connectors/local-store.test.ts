import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ObjectStore } from '../../../connectors/object-store.ts'
import { openStore } from '../../../connectors/open-store.ts'
import { storeContract } from './store-contract.ts'

let dir: string
let store: ObjectStore

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-store-'))
  store = await openStore(pathToFileURL(join(dir, 'lake')).href, { cacheDir: dir })
})

afterAll(() => rm(dir, { recursive: true, force: true }))

describe('the contract', () => storeContract(() => store))

test('half-written files and the scratch folder are not objects', async () => {
  await store.put('gold/t/real', Buffer.from('x'))
  await writeFile(join(dir, 'lake/gold/t/.real.0000.tmp'), 'half')
  const seen: string[] = []
  for await (const { path } of store.list('gold/')) seen.push(path)
  expect(seen).toEqual(['gold/t/real'])
})

test('what a crash left half-written is swept once it is old, and nothing else', async () => {
  await store.put('gold/swept/real', Buffer.from('x'))
  const folder = join(dir, 'lake/gold/swept')
  for (const name of ['.old.0000.tmp', '.new.0000.tmp', '.hidden']) await writeFile(join(folder, name), 'half')
  const old = new Date(Date.now() - 60_000)
  for (const name of ['.old.0000.tmp', 'real', '.hidden']) await utimes(join(folder, name), old, old)
  await store.sweep('gold/swept/', new Date(Date.now() - 30_000))
  expect((await readdir(folder)).sort()).toEqual(['.hidden', '.new.0000.tmp', 'real'])
  await store.sweep('gold/nothing/', new Date())
})

test("the checksum that Hadoop kept of a file's old content goes with that content", async () => {
  const folder = join(dir, 'lake/gold/summed')
  for (const name of ['a', 'b']) {
    await store.put(`gold/summed/${name}`, Buffer.from('theirs'))
    await writeFile(join(folder, `.${name}.crc`), 'sum')
  }
  await store.put('gold/summed/a', Buffer.from('ours'))
  await writeFile(join(dir, 'source'), 'ours')
  await store.putFile('gold/summed/b', join(dir, 'source'))
  expect((await readdir(folder)).sort()).toEqual(['a', 'b'])
})

test('nothing is left beside the objects', async () => {
  await Promise.all(Array.from({ length: 8 }, (_, i) => store.putIfAbsent('gold/clean/v0', Buffer.from(String(i)))))
  expect(await readdir(join(dir, 'lake/gold/clean'))).toEqual(['v0'])
})

test('a URL that names no folder of this machine is refused', async () => {
  await expect(openStore('file://otherhost/x', { cacheDir: dir })).rejects.toMatchObject({ code: 'STORE_CONFIG' })
  await expect(openStore('s3://bucket/x', { cacheDir: dir })).rejects.toMatchObject({ code: 'STORE_CONFIG' })
  await expect(openStore('az://x', { cacheDir: dir })).rejects.toThrow(/AZURE_STORAGE_CONNECTION_STRING/)
  await expect(openStore('abfss://bronze@account.dfs.core.windows.net/x', { cacheDir: dir })).rejects.toThrow(/account only/)
})

test('a file where a folder is needed is named', async () => {
  await writeFile(join(dir, 'lake/plain'), 'x')
  await expect(store.put('plain/t/x', Buffer.from('x'))).rejects.toMatchObject({
    code: 'STORE_PATH',
    message: expect.stringContaining(join(dir, 'lake/plain')),
  })
})

/** Runs a script of the store in a process of its own, under limits that the test's own process must not have. */
async function limited(prefix: string, script: string): Promise<string> {
  const module = pathToFileURL(join(import.meta.dirname, '../../../connectors/open-store.ts')).href
  const code = `import { openStore } from ${JSON.stringify(module)}; ${script}`
  const command = `${prefix} exec "$0" --input-type=module -e "$1"`
  const { stdout } = await promisify(execFile)('bash', ['-c', command, process.execPath, code])
  return stdout
}

test('a write the disk cannot take is STORE_FULL, names the folder and leaves nothing', async () => {
  const url = pathToFileURL(join(dir, 'small')).href
  const script = `
    const store = await openStore(${JSON.stringify(url)}, { cacheDir: '/nonexistent' })
    await store.put('gold/t/before', Buffer.alloc(1000))
    for (const write of ['put', 'putIfAbsent']) {
      await store[write]('gold/t/big', Buffer.alloc(1 << 20)).catch(e => console.log(e.code, e.retryable, e.message))
    }`
  // A limit on the file size stands in for a full disk: writing breaks off half-way all the same.
  const lines = (await limited('trap "" XFSZ; ulimit -f 64;', script)).trim().split('\n')
  expect(lines).toHaveLength(2)
  for (const line of lines) expect(line).toMatch(/^STORE_FULL true .*small\/gold\/t: /)
  expect(await readdir(join(dir, 'small/gold/t'))).toEqual(['before'])
})

test('a folder without permission is STORE_DENIED and named', async () => {
  const closed = join(dir, 'closed')
  await mkdir(closed)
  await chmod(closed, 0o500)
  await chmod(dir, 0o755)
  const script = `
    process.setgid?.(65534); process.setuid?.(65534)
    await openStore(${JSON.stringify(pathToFileURL(closed).href)}, { cacheDir: '/nonexistent' }).catch(e => console.log(e.code, e.retryable, e.message))`
  const asOther = process.getuid?.() === 0 ? script : script.replace(/process\.set.*\n/, '\n')
  expect(await limited('', asOther)).toMatch(/^STORE_DENIED false .*closed: permission denied/)
})
