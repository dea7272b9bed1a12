// Local copies of immutable objects (data files), shared by the processes of a machine.
// Guarantee: a cached name always has all its bytes; a file in use is not evicted.
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join as joinPath } from 'node:path'
import { localStoreError } from './local-store-error.ts'

export interface FileCacheOptions {
  /** Bytes to stay under, as far as files not in use allow. */
  limit?: number
  /** How long after its last fetch a file counts as in use, milliseconds. */
  grace?: number
}

/** Paths are the store's; the caller names only objects that never change their content. */
export class FileCache {
  readonly #dir: string
  readonly #limit: number
  readonly #grace: number
  readonly #running = new Map<string, Promise<string>>()
  /** Bytes added since the folder was last measured; a full measure is due at the start. */
  #added = Number.POSITIVE_INFINITY

  constructor(dir: string, options: FileCacheOptions = {}) {
    this.#dir = dir
    this.#limit = options.limit ?? 20e9
    this.#grace = options.grace ?? 3_600_000
  }

  /** The local file; `download` writes it to the path it is given if it is not here yet. Two calls at once download once. */
  async fetch(path: string, download: (temp: string) => Promise<void>): Promise<string> {
    const running = this.#running.get(path) ?? this.#fetch(path, download).finally(() => this.#running.delete(path))
    this.#running.set(path, running)
    return running
  }

  /** Takes a local file that holds the object's bytes; the file is moved. */
  async adopt(path: string, file: string): Promise<void> {
    const target = this.#file(path)
    await mkdir(dirname(target), { recursive: true })
    await rename(file, target).catch(() => rm(file, { force: true }))
  }

  async drop(path: string): Promise<void> {
    await rm(this.#file(path), { force: true })
  }

  async #fetch(path: string, download: (temp: string) => Promise<void>): Promise<string> {
    const target = this.#file(path)
    const now = new Date()
    // The time of the last fetch is the file's mtime.
    if (
      await utimes(target, now, now).then(
        () => true,
        () => false,
      )
    )
      return target
    const temp = `${target}.${randomUUID()}.tmp`
    try {
      await mkdir(dirname(target), { recursive: true })
      await download(temp)
      this.#added += (await stat(temp)).size
      await rename(temp, target)
    } catch (error) {
      await rm(temp, { force: true }).catch(() => undefined)
      throw localStoreError(error, dirname(target))
    }
    if (this.#added > this.#limit / 10) await this.#trim()
    return target
  }

  /** Deletes the longest unused files until the limit is kept, and what crashed downloads left. */
  async #trim(): Promise<void> {
    this.#added = 0
    const files: { file: string; size: number; used: number }[] = []
    for (const entry of await readdir(this.#dir, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const file = joinPath(entry.parentPath, entry.name)
      const found = await stat(file).catch(() => undefined)
      if (found) files.push({ file, size: found.size, used: found.mtimeMs })
    }
    const oldest = Date.now() - this.#grace
    let bytes = files.reduce((sum, { size }) => sum + size, 0)
    for (const { file, size, used } of files.sort((a, b) => a.used - b.used)) {
      if (used > oldest) break
      if (bytes <= this.#limit && !file.endsWith('.tmp')) continue
      await rm(file, { force: true })
      bytes -= size
    }
  }

  #file(path: string): string {
    return joinPath(this.#dir, path)
  }
}
