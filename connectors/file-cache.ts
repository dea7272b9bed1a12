// Local copies of immutable objects (data files), shared by the processes of a machine.
// Guarantee: a cached name always has all its bytes; a file in use is not evicted.
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join as joinPath } from 'node:path'
import { localStoreError, storeErrno } from './local-store-error.ts'
import { StoreError } from './store-error.ts'

export interface FileCacheOptions {
  /** Bytes to stay under, as far as files not in use allow. Each process may overshoot it by a tenth. */
  limit?: number
  /** How long after its last fetch a file counts as in use, milliseconds. */
  grace?: number
  /** Files not fetched for so long go whatever the limit, milliseconds: they may be copies of what was erased elsewhere. */
  keep?: number
}

/** Paths are the store's; the caller names only objects that never change their content. */
export class FileCache {
  readonly #dir: string
  readonly #limit: number
  readonly #grace: number
  readonly #keep: number
  readonly #running = new Map<string, Promise<string>>()
  /** Bytes added since the folder was last measured; a full measure is due at the start. */
  #added = Number.POSITIVE_INFINITY

  constructor(dir: string, options: FileCacheOptions = {}) {
    this.#dir = dir
    this.#limit = options.limit ?? 20e9
    this.#grace = options.grace ?? 3_600_000
    this.#keep = options.keep ?? 7 * 24 * 3_600_000
  }

  /**
   * The local file; `download` writes it to the path it is given if it is not here yet, or not with `size` bytes. Two calls at once
   * download once. On a full disk what is not in use makes room; if that is not enough: STORE_FULL.
   */
  async fetch(path: string, download: (temp: string) => Promise<void>, size?: number): Promise<string> {
    const running = this.#running.get(path) ?? this.#fetch(path, { download, size }).finally(() => this.#running.delete(path))
    this.#running.set(path, running)
    return running
  }

  /** Takes a local file that holds the object's bytes; the file is moved. Without room for it, it is deleted. */
  async adopt(path: string, file: string): Promise<void> {
    const target = this.#file(path)
    try {
      await mkdir(dirname(target), { recursive: true })
      const { size } = await stat(file)
      const now = new Date()
      await utimes(file, now, now)
      await rename(file, target)
      await this.#grown(size)
    } catch {
      await rm(file, { force: true })
    }
  }

  /** Forgets a copy; another machine's stays until it is evicted there. */
  async drop(path: string): Promise<void> {
    await rm(this.#file(path), { force: true })
  }

  async #fetch(path: string, wanted: { download: (temp: string) => Promise<void>; size: number | undefined }): Promise<string> {
    const target = this.#file(path)
    if (await usable(target, wanted.size)) return target
    try {
      const size = await this.#download(target, wanted.download).catch(async error => {
        if (!isFull(error) || (await this.#trim(0)) === 0) throw error
        return this.#download(target, wanted.download)
      })
      await this.#grown(size)
    } catch (error) {
      if (!isFull(error)) throw localStoreError(error, dirname(target))
      const message = `${this.#dir}: the disk is full, and every cached file is in use; free some space, or put lake.cache on a larger disk`
      throw new StoreError('STORE_FULL', message, { retryable: true, cause: error })
    }
    return target
  }

  /** Resolves to the file's bytes. */
  async #download(target: string, download: (temp: string) => Promise<void>): Promise<number> {
    const temp = `${target}.${randomUUID()}.tmp`
    try {
      await mkdir(dirname(target), { recursive: true })
      await download(temp)
      const { size } = await stat(temp)
      await rename(temp, target)
      return size
    } catch (error) {
      await rm(temp, { force: true }).catch(() => undefined)
      throw error
    }
  }

  async #grown(bytes: number): Promise<void> {
    this.#added += bytes
    if (this.#added <= this.#limit / 10) return
    this.#added = 0
    await this.#trim(this.#limit)
  }

  /** Deletes the longest unused files until `limit` is kept, and what crashed downloads left. Resolves to the bytes that made room. */
  async #trim(limit: number): Promise<number> {
    const files = await measured(this.#dir)
    const now = Date.now()
    let bytes = files.reduce((sum, { size }) => sum + size, 0)
    let freed = 0
    for (const { file, size, used } of files.sort((a, b) => a.used - b.used)) {
      if (used > now - this.#grace) break
      if (bytes <= limit && used > now - this.#keep && !file.endsWith('.tmp')) continue
      // Another process may have fetched it since.
      if ((await stat(file).catch(() => undefined))?.mtimeMs !== used) continue
      await rm(file, { force: true })
      bytes -= size
      freed += size
    }
    return freed
  }

  #file(path: string): string {
    return joinPath(this.#dir, path)
  }
}

/** Whether a whole copy is here; if so it counts as used now. The time of the last fetch is the file's mtime. */
async function usable(file: string, size: number | undefined): Promise<boolean> {
  try {
    if (size !== undefined && (await stat(file)).size !== size) return false
    const now = new Date()
    await utimes(file, now, now)
    return true
  } catch {
    return false
  }
}

async function measured(dir: string): Promise<{ file: string; size: number; used: number }[]> {
  const files: { file: string; size: number; used: number }[] = []
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const file = joinPath(entry.parentPath, entry.name)
    const found = await stat(file).catch(() => undefined)
    if (found) files.push({ file, size: found.size, used: found.mtimeMs })
  }
  return files
}

function isFull(error: unknown): boolean {
  return storeErrno(error)?.code === 'STORE_FULL' || (error instanceof StoreError && error.code === 'STORE_FULL')
}
