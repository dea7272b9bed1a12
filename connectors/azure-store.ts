// A lake on Azure Data Lake Storage Gen2 or Azurite (lake-spec §6): zones are containers, everything goes through the Blob endpoint.
// Guarantee: an object appears whole or not at all; `putIfAbsent` is one Put Blob with If-None-Match: *.
import { createWriteStream } from 'node:fs'
import { join as joinPath } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { BlockBlobClient, ContainerClient } from '@azure/storage-blob'
import type { DataLakeFileClient } from '@azure/storage-file-datalake'
import { type AzurePlace, type AzureSettings, azurePlace, checkAccess } from './azure-access.ts'
import { type AzureClients, azureClients } from './azure-clients.ts'
import { usualPatience } from './azure-patience.ts'
import { azureCode, azureStatus, azureStoreError, containerRefused } from './azure-store-error.ts'
import { FileCache } from './file-cache.ts'
import { localStoreError } from './local-store-error.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'
import { makeOwnFolder, removeOwnFolder } from './own-folder.ts'
import { StoreError } from './store-error.ts'

export interface AzureStoreOptions {
  settings: AzureSettings
  /** Local folder for downloads and uploads; several processes may share it. */
  cacheDir: string
  /** Bytes that downloads may take there. */
  cacheSize?: number | undefined
}

/** Opens the account; a zone is reached, and let in, with its first call. Throws STORE_CONFIG. */
export async function openAzureStore(url: string, { settings, cacheDir, cacheSize }: AzureStoreOptions): Promise<ObjectStore> {
  const place = azurePlace(url)
  checkAccess(place, settings)
  const cache = new FileCache(joinPath(cacheDir, 'data'), cacheSize === undefined ? {} : { limit: cacheSize })
  const scratch = await makeOwnFolder(joinPath(cacheDir, 'scratch'), 'lake')
  return new AzureStore(place, settings, { scratch, cache })
}

/** A path's place in the account. */
interface Located extends AzureClients {
  container: ContainerClient
  /** The blob's name, the lake's prefix included. */
  name: string
  /** For messages: endpoint, container and blob, and how this zone is let in. */
  place: string
  /** The blob's name among cached files. */
  cached: string
}

class AzureStore implements ObjectStore {
  readonly url: string
  readonly scratch: string
  readonly #place: AzurePlace
  readonly #zone: (name: string) => Promise<AzureClients>
  readonly #cache: FileCache
  /** Milliseconds that a download may stand still. */
  readonly #stall: number

  constructor(place: AzurePlace, settings: AzureSettings, { scratch, cache }: { scratch: string; cache: FileCache }) {
    this.url = place.url
    this.scratch = scratch
    this.#place = place
    this.#zone = azureClients(place, settings)
    this.#cache = cache
    this.#stall = settings.retry?.timeout ?? usualPatience.timeout
  }

  async get(path: string): Promise<Buffer | undefined> {
    const at = await this.#locate(path)
    return absentOr(at, async () => {
      const idle = new Idle(this.#stall)
      const chunks: Buffer[] = []
      try {
        const { readableStreamBody } = await file(at).read(0, undefined, { abortSignal: idle.signal })
        idle.stir()
        for await (const chunk of readableStreamBody!) {
          idle.stir()
          chunks.push(Buffer.from(chunk))
        }
      } finally {
        idle.end()
      }
      return Buffer.concat(chunks)
    })
  }

  async put(path: string, bytes: Uint8Array): Promise<void> {
    await this.#write(path, blob => blob.upload(bytes, bytes.byteLength))
  }

  async putIfAbsent(path: string, bytes: Uint8Array): Promise<boolean> {
    try {
      await this.#write(path, blob => blob.upload(bytes, bytes.byteLength, { conditions: { ifNoneMatch: '*' } }))
      return true
    } catch (error) {
      if (error instanceof AlreadyThere) return false
      throw error
    }
  }

  async putFile(path: string, source: string): Promise<void> {
    // Blocks first, then one Put Block List: nobody sees a part of the file. Small blocks, so that each is quick enough for one try.
    const sizes = { blockSize: 8 << 20, maxSingleShotSize: 8 << 20, concurrency: 4 }
    const { cached } = await this.#write(path, blob => blob.uploadFile(source, sizes))
    await this.#cache.adopt(cached, source)
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    const { container, name, place, access } = await this.#locate(prefix)
    const cut = this.#place.prefix === '' ? 0 : this.#place.prefix.length + 1
    try {
      for await (const blob of container.listBlobsFlat({ prefix: name, includeMetadata: true })) {
        // With a hierarchical namespace folders are listed too.
        if (blob.metadata?.hdi_isfolder === 'true') continue
        const { contentLength = 0, lastModified } = blob.properties
        yield { path: `${container.containerName}/${blob.name.slice(cut)}`, size: contentLength, modified: lastModified }
      }
    } catch (error) {
      if (azureStatus(error) !== 404) throw azureStoreError(error, place, access.sas)
    }
  }

  async folders(prefix: string): Promise<string[]> {
    const { container, name, place, access } = await this.#locate(prefix)
    const names: string[] = []
    try {
      for await (const item of container.listBlobsByHierarchy('/', { prefix: name })) {
        if (item.kind === 'prefix') names.push(item.name.slice(name.length, -1))
      }
    } catch (error) {
      if (azureStatus(error) !== 404) throw azureStoreError(error, place, access.sas)
    }
    return names
  }

  async head(path: string): Promise<ObjectInfo | undefined> {
    const at = await this.#locate(path)
    return absentOr(at, async () => {
      const { contentLength, lastModified } = await file(at).getProperties()
      return { path, size: contentLength!, modified: lastModified! }
    })
  }

  async delete(path: string): Promise<void> {
    const at = await this.#locate(path)
    await absentOr(at, () => at.container.getBlockBlobClient(at.name).delete())
    await this.#cache.drop(at.cached)
  }

  async fetch(path: string, size?: number): Promise<string> {
    const at = await this.#locate(path)
    return this.#cache.fetch(at.cached, temp => this.#download(at, temp), size)
  }

  /** The account forgets unfinished uploads by itself. */
  async sweep(): Promise<void> {}

  async close(): Promise<void> {
    await removeOwnFolder(this.scratch)
  }

  async #download(at: Located, temp: string): Promise<void> {
    const idle = new Idle(this.#stall)
    try {
      const options = { maxRetryRequests: 5, abortSignal: idle.signal, onProgress: () => idle.stir() }
      const { readableStreamBody, contentLength } = await file(at).read(0, undefined, options)
      idle.stir()
      const out = createWriteStream(temp, { flags: 'wx', mode: 0o600 })
      await pipeline(readableStreamBody!, out)
      if (out.bytesWritten === contentLength) return
    } catch (error) {
      if (isSystemError(error)) throw error
      throw azureStoreError(error, at.place, at.access.sas)
    } finally {
      idle.end()
    }
    throw new StoreError('STORE_UNREACHABLE', `${at.place}: the download broke off`, { retryable: true })
  }

  /** Writes, and makes the zone's container if it is the first write there. */
  async #write(path: string, send: (blob: BlockBlobClient) => Promise<unknown>): Promise<Located> {
    const at = await this.#locate(path)
    const blob = at.container.getBlockBlobClient(at.name)
    try {
      await send(blob).catch(async error => {
        if (azureCode(error) !== 'ContainerNotFound') throw error
        await at.lake
          .getFileSystemClient(blob.containerName)
          .createIfNotExists()
          .catch((refusal: unknown) => {
            throw containerRefused(refusal, at.place, blob.containerName)
          })
        await send(blob)
      })
      return at
    } catch (error) {
      if (alreadyThere(error)) throw new AlreadyThere()
      throw isSystemError(error) ? localStoreError(error, this.scratch) : azureStoreError(error, at.place, at.access.sas)
    }
  }

  async #locate(path: string): Promise<Located> {
    const slash = path.indexOf('/')
    const zone = path.slice(0, Math.max(slash, 0))
    if (!/^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$/.test(zone) || path.split('/').includes('..')) {
      throw new StoreError(
        'STORE_PATH',
        `${this.url}: a path starts with its zone, a container name of 3 to 63 small letters and digits`,
      )
    }
    const { prefix } = this.#place
    const name = prefix === '' ? path.slice(slash + 1) : `${prefix}/${path.slice(slash + 1)}`
    const clients = await this.#zone(zone)
    const { endpoint, said } = clients.access
    const account = endpoint.replace(/^https?:\/\//, '').replace(/[^a-z0-9.]+/gi, '_')
    return {
      ...clients,
      container: clients.blob.getContainerClient(zone),
      name,
      place: `${endpoint}/${zone}/${name} (let in by ${said})`,
      cached: `${account}/${zone}/${name}`,
    }
  }
}

function file({ lake, container, name }: Located): DataLakeFileClient {
  return lake.getFileSystemClient(container.containerName).getFileClient(name)
}

async function absentOr<Result>({ place, access }: Located, read: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await read()
  } catch (error) {
    if (azureStatus(error) === 404) return undefined
    throw azureStoreError(error, place, access.sas)
  }
}

/** Gives up on a body that stopped coming, once it has begun: until then the request's own time counts. */
class Idle {
  readonly #controller = new AbortController()
  readonly #ms: number
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number) {
    this.#ms = ms
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** The body has begun, or goes on. */
  stir(): void {
    if (this.#timer) this.#timer.refresh()
    else this.#timer = setTimeout(() => this.#controller.abort(), this.#ms)
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}

class AlreadyThere extends Error {}

/** 412 by the condition, 409 where the service words it so; a 409 about the container or a lease is another matter. */
function alreadyThere(error: unknown): boolean {
  const status = azureStatus(error)
  return status === 412 || (status === 409 && /^(Blob|Path)(AlreadyExists|ImmutableDueToPolicy)$/.test(azureCode(error) ?? ''))
}

/** A failure of this machine's disk, not of the account. */
function isSystemError(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG', 'EACCES', 'EROFS', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')
}
