// A lake in a local folder (lake-spec §3.2): put-if-absent is write, fsync, link.
// Guarantee: a name appears only with all its bytes on disk, and `putIfAbsent` has one winner among processes.
import { randomUUID } from 'node:crypto'
import { copyFile, link, mkdir, open, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises'
import { basename, dirname, join as joinPath } from 'node:path'
import { pathToFileURL } from 'node:url'
import { localStoreError, storeErrno } from './local-store-error.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'
import { makeOwnFolder, removeOwnFolder } from './own-folder.ts'
import { StoreError } from './store-error.ts'
import { sweepFolder } from './sweep.ts'

/** Opens (and makes) the folder `root`, an absolute path. Throws STORE_DENIED, STORE_FULL or, on a disk without hard links, STORE_CONFIG. */
export async function openLocalStore(root: string): Promise<ObjectStore> {
  const store = new LocalStore(root)
  await store.prepare()
  return store
}

class LocalStore implements ObjectStore {
  readonly url: string
  scratch = ''
  readonly #root: string

  constructor(root: string) {
    this.#root = root
    this.url = pathToFileURL(root).href
  }

  async prepare(): Promise<void> {
    let probe = ''
    try {
      this.scratch = await makeOwnFolder(joinPath(this.#root, '.scratch'), 'lake')
      probe = joinPath(this.scratch, 'probe')
      await writeDurably(probe, Buffer.from('probe'))
      await link(probe, `${probe}.link`).catch(cause => {
        if (storeErrno(cause) !== undefined) throw cause
        const message = `${this.#root}: this file system has no hard links, which commits need; put the lake on a disk that has them`
        throw new StoreError('STORE_CONFIG', message, { cause })
      })
    } catch (error) {
      throw localStoreError(error, this.#root)
    } finally {
      if (probe !== '') await Promise.all([discard(probe), discard(`${probe}.link`)])
    }
  }

  async get(path: string): Promise<Buffer | undefined> {
    return this.#absentOr(path, file => readFile(file))
  }

  async put(path: string, bytes: Uint8Array): Promise<void> {
    await this.#write(path, bytes, async (temp, file) => {
      await discard(sumOf(file))
      await rename(temp, file)
      return true
    })
  }

  async putIfAbsent(path: string, bytes: Uint8Array): Promise<boolean> {
    // Cheap answer for the common lost race; the link below is what decides.
    if (await this.head(path)) return false
    return this.#write(path, bytes, async (temp, file) => {
      try {
        await link(temp, file)
        return true
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
        throw error
      } finally {
        await unlink(temp)
      }
    })
  }

  async putFile(path: string, source: string): Promise<void> {
    const file = this.#file(path)
    try {
      await makeFolder(dirname(file))
      await syncFile(source)
      await discard(sumOf(file))
      await rename(source, file).catch(async error => {
        if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
        await copyAcross(source, file)
      })
      await syncFolder(dirname(file))
    } catch (error) {
      throw localStoreError(error, dirname(file))
    }
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
    for (const path of (await this.#walk(folder)).filter(path => path.startsWith(prefix)).sort()) {
      const info = await this.head(path)
      if (info) yield info
    }
  }

  async folders(prefix: string): Promise<string[]> {
    const entries = await this.#absentOr(prefix, folder => readdir(folder, { withFileTypes: true }))
    const names = (entries ?? []).filter(entry => entry.isDirectory()).map(entry => entry.name)
    return names.sort()
  }

  async head(path: string): Promise<ObjectInfo | undefined> {
    const found = await this.#absentOr(path, file => stat(file))
    return found?.isFile() ? { path, size: found.size, modified: found.mtime } : undefined
  }

  async delete(path: string): Promise<void> {
    await this.#absentOr(path, file => unlink(file))
  }

  async fetch(path: string): Promise<string> {
    if (await this.head(path)) return this.#file(path)
    throw new StoreError('STORE_MISSING', `${this.#file(path)} is not there; was it deleted by something other than binlake?`)
  }

  async sweep(prefix: string, before: Date): Promise<void> {
    await sweepFolder(this.#file(prefix), before, isTemporary)
  }

  async close(): Promise<void> {
    await removeOwnFolder(this.scratch)
  }

  async #absentOr<Result>(path: string, read: (file: string) => Promise<Result>): Promise<Result | undefined> {
    const file = this.#file(path)
    try {
      return await read(file)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
      throw localStoreError(error, file)
    }
  }

  /** Writes a temporary file, then lets `publish` give it its name. It lies in the scratch folder, which goes with a killed process. */
  async #write(path: string, bytes: Uint8Array, publish: Publish): Promise<boolean> {
    const file = this.#file(path)
    const folder = dirname(file)
    try {
      await makeFolder(folder)
      return await writeBy(joinPath(this.scratch, randomUUID()), { file, bytes, publish }).catch(error => {
        if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
        // A part of the lake that is mounted from elsewhere.
        return writeBy(joinPath(folder, `.${randomUUID()}.tmp`), { file, bytes, publish })
      })
    } catch (error) {
      throw localStoreError(error, folder)
    }
  }

  /** All objects below a folder (a path that ends with `/`, or empty for the root). Half-written files and the scratch folder are not objects. */
  async #walk(folder: string): Promise<string[]> {
    const entries = await this.#absentOr(folder, file => readdir(file, { withFileTypes: true }))
    const paths: string[] = []
    for (const entry of entries ?? []) {
      const path = `${folder}${entry.name}`
      if (entry.isDirectory()) {
        if (path !== '.scratch') paths.push(...(await this.#walk(`${path}/`)))
      } else if (!isTemporary(entry.name)) paths.push(path)
    }
    return paths
  }

  #file(path: string): string {
    if (path.split('/').includes('..') || path.includes('\0'))
      throw new StoreError('STORE_PATH', `${this.url}: a path must stay inside the store`)
    return joinPath(this.#root, path)
  }
}

type Publish = (temp: string, file: string) => Promise<boolean>

async function writeBy(
  temp: string,
  { file, bytes, publish }: { file: string; bytes: Uint8Array; publish: Publish },
): Promise<boolean> {
  try {
    await writeDurably(temp, bytes)
    const written = await publish(temp, file)
    await syncFolder(dirname(file))
    return written
  } catch (error) {
    await discard(temp)
    throw error
  }
}

/** A name that `#write` and `copyAcross` give. */
function isTemporary(name: string): boolean {
  return name.startsWith('.') && name.endsWith('.tmp')
}

/** Makes a folder so that it survives a power cut: each new level is synced into the one above. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true })
  if (first === undefined) return
  for (let at = folder; at.length >= first.length; at = dirname(at)) await syncFolder(dirname(at))
}

async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  await using handle = await open(file, 'wx')
  await handle.writeFile(bytes)
  await handle.sync()
}

async function syncFile(file: string): Promise<void> {
  await using handle = await open(file, 'r+')
  await handle.sync()
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  // Some network disks cannot sync a folder; their rename and link are as durable as they get.
  await handle.sync().catch(() => undefined)
}

async function copyAcross(source: string, file: string): Promise<void> {
  const temp = joinPath(dirname(file), `.${basename(file)}.${randomUUID()}.tmp`)
  try {
    await copyFile(source, temp)
    await syncFile(temp)
    await rename(temp, file)
  } catch (error) {
    await discard(temp)
    throw error
  }
  await discard(source)
}

/** Where Hadoop keeps the checksum of a file it wrote: that of a file since replaced would have Spark refuse it. */
function sumOf(file: string): string {
  return joinPath(dirname(file), `.${basename(file)}.crc`)
}

/** Best effort: the failure that made a file useless is the one to tell. */
async function discard(file: string): Promise<void> {
  await rm(file, { force: true }).catch(() => undefined)
}
