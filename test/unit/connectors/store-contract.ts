// What every object store must do; each store's own test runs these against itself.
import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { ObjectInfo, ObjectStore } from '../../../connectors/object-store.ts'

/** Names that need care on a disk, in a URL, in a signature. */
const hostile = ['a b', 'p=a b%25c', "quote'", 'plus+and&amp;', 'hash#query?', 'ümläut-日本', 'comma,semi;', '~tilde$()!@']

export function storeContract(open: () => ObjectStore): void {
  const at = (name: string) => `silver/${folder}/${name}`
  const folder = randomUUID()
  const text = async (path: string) => (await open().get(path))?.toString()

  test('nothing there: get and head are undefined, list is empty, delete is quiet, fetch says so', async () => {
    const store = open()
    const path = at('none/x')
    expect(await store.get(path)).toBeUndefined()
    expect(await store.head(path)).toBeUndefined()
    expect(await all(store, at('none/'))).toEqual([])
    expect(await store.folders(at('none/'))).toEqual([])
    expect(await store.get('quarantine/zone-not-made/x')).toBeUndefined()
    expect(await all(store, 'quarantine/zone-not-made/')).toEqual([])
    await store.delete(path)
    await expect(store.fetch(path)).rejects.toMatchObject({ code: 'STORE_MISSING' })
  })

  test('put writes and replaces', async () => {
    const store = open()
    await store.put(at('put'), Buffer.from('one'))
    await store.put(at('put'), Buffer.from('three'))
    expect(await text(at('put'))).toBe('three')
    expect(await store.head(at('put'))).toMatchObject({ path: at('put'), size: 5 })
  })

  test('putIfAbsent leaves what is there', async () => {
    const store = open()
    expect(await store.putIfAbsent(at('once'), Buffer.from('first'))).toBe(true)
    expect(await store.putIfAbsent(at('once'), Buffer.from('second'))).toBe(false)
    expect(await text(at('once'))).toBe('first')
  })

  test('of many putIfAbsent at once, one wins, and its bytes are the ones that stay', async () => {
    const store = open()
    for (let round = 0; round < 10; round++) {
      const path = at(`race/${round}`)
      const won = await Promise.all(Array.from({ length: 16 }, (_, i) => store.putIfAbsent(path, Buffer.from(`writer ${i}`))))
      expect(won.filter(Boolean)).toHaveLength(1)
      expect(await text(path)).toBe(`writer ${won.indexOf(true)}`)
    }
  })

  test('putFile uploads a file; fetch gives a local file of the same bytes', async () => {
    const store = open()
    const file = join(store.scratch, randomUUID())
    const bytes = Buffer.alloc(300_000, 'binlake')
    await writeFile(file, bytes)
    await store.putFile(at('data/file.parquet'), file)
    expect(await store.get(at('data/file.parquet'))).toEqual(bytes)
    const [one, two] = await Promise.all([store.fetch(at('data/file.parquet')), store.fetch(at('data/file.parquet'))])
    expect(one).toBe(two)
    expect(await readFile(one!)).toEqual(bytes)
  })

  test('an empty object is an object', async () => {
    const store = open()
    await store.put(at('empty'), Buffer.alloc(0))
    expect(await store.get(at('empty'))).toEqual(Buffer.alloc(0))
  })

  test('names that need care come back as they went', async () => {
    const store = open()
    for (const name of hostile) {
      const path = at(`hostile/${name}/x.parquet`)
      await store.put(path, Buffer.from(name))
      expect(await text(path)).toBe(name)
      expect(await readFile(await store.fetch(path), 'utf8')).toBe(name)
    }
    const listed = await all(store, at('hostile/'))
    expect(new Set(listed.map(object => object.path))).toEqual(new Set(hostile.map(name => at(`hostile/${name}/x.parquet`))))
    expect(new Set(await store.folders(at('hostile/')))).toEqual(new Set(hostile))
  })

  test('list is by prefix, not by folder, and in order; folders are one level', async () => {
    const store = open()
    for (const name of ['tree/b/2', 'tree/b/1', 'tree/a/deep/3', 'tree/bb', 'treetop'])
      await store.put(at(name), Buffer.from(name))
    const names = async (prefix: string) => (await all(store, at(prefix))).map(object => object.path.slice(at('').length))
    expect(await names('tree/')).toEqual(['tree/a/deep/3', 'tree/b/1', 'tree/b/2', 'tree/bb'])
    expect(await names('tree/b')).toEqual(['tree/b/1', 'tree/b/2', 'tree/bb'])
    expect(await names('tree')).toHaveLength(5)
    expect(await store.folders(at('tree/'))).toEqual(['a', 'b'])
  })

  test('delete removes', async () => {
    const store = open()
    await store.put(at('gone'), Buffer.from('x'))
    await store.delete(at('gone'))
    expect(await store.get(at('gone'))).toBeUndefined()
    expect(await store.putIfAbsent(at('gone'), Buffer.from('y'))).toBe(true)
  })

  test('a path cannot leave the store', async () => {
    await expect(async () => open().get('silver/../../etc/passwd')).rejects.toMatchObject({ code: 'STORE_PATH' })
  })
}

async function all(store: ObjectStore, prefix: string): Promise<ObjectInfo[]> {
  const found: ObjectInfo[] = []
  for await (const object of store.list(prefix)) found.push(object)
  return found
}
