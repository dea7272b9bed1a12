// A lake on Azure Data Lake Storage Gen2 or Azurite (lake-spec §6): zones are containers, everything goes through the Blob endpoint.
// Guarantee: an object appears whole or not at all; `putIfAbsent` is one Put Blob with If-None-Match: *.
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { BlockBlobClient, ContainerClient } from '@azure/storage-blob'
import type { DataLakeFileClient } from '@azure/storage-file-datalake'
import { type AzureClients, azureClients } from './azure-clients.ts'
import { azureCode, azureStatus, azureStoreError } from './azure-store-error.ts'
import { FileCache } from './file-cache.ts'
import { localStoreError } from './local-store-error.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'
import { StoreError } from './store-error.ts'

export interface AzureStoreOptions {
  connectionString?: string | undefined
  /** Local folder for downloads and uploads; several processes may share it. */
  cacheDir: string
}

/** Opens the account; it is reached with the first call. Throws STORE_CONFIG. */
export async function openAzureStore(url: string, options: AzureStoreOptions): Promise<ObjectStore> {
  const clients = await azureClients(url, options.connectionString)
  const account = new URL(clients.blob.url)
  const place = `${account.host}${account.pathname}`.replace(/[^a-z0-9.]+/gi, '_')
  const store = new AzureStore(clients, {
    scratch: joinPath(options.cacheDir, 'scratch'),
    cacheDir: joinPath(options.cacheDir, 'data', place),
  })
  await mkdir(store.scratch, { recursive: true })
  return store
}

class AzureStore implements ObjectStore {
  readonly url: string
  readonly scratch: string
  readonly #clients: AzureClients
  readonly #cache: FileCache

  constructor(clients: AzureClients, { scratch, cacheDir }: { scratch: string; cacheDir: string }) {
    this.url = clients.url
    this.scratch = scratch
    this.#clients = clients
    this.#cache = new FileCache(cacheDir)
  }

  async get(path: string): Promise<Buffer | undefined> {
    return this.#absentOr(path, async () => {
      const { readableStreamBody } = await this.#file(path).read()
      const chunks: Buffer[] = []
      for await (const chunk of readableStreamBody!) chunks.push(Buffer.from(chunk))
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

  async putFile(path: string, file: string): Promise<void> {
    // Blocks first, then one Put Block List: nobody sees a part of the file.
    await this.#write(path, blob => blob.uploadFile(file, { concurrency: 4 }))
    await this.#cache.adopt(path, file)
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    const { container, name } = this.#locate(prefix)
    const cut = this.#clients.prefix === '' ? 0 : this.#clients.prefix.length + 1
    try {
      for await (const blob of container.listBlobsFlat({ prefix: name, includeMetadata: true })) {
        // With a hierarchical namespace folders are listed too.
        if (blob.metadata?.hdi_isfolder === 'true') continue
        const { contentLength = 0, lastModified } = blob.properties
        yield { path: `${container.containerName}/${blob.name.slice(cut)}`, size: contentLength, modified: lastModified }
      }
    } catch (error) {
      if (azureStatus(error) !== 404) throw azureStoreError(error, this.#place(prefix))
    }
  }

  async folders(prefix: string): Promise<string[]> {
    const { container, name } = this.#locate(prefix)
    const names: string[] = []
    try {
      for await (const item of container.listBlobsByHierarchy('/', { prefix: name })) {
        if (item.kind === 'prefix') names.push(item.name.slice(name.length, -1))
      }
    } catch (error) {
      if (azureStatus(error) !== 404) throw azureStoreError(error, this.#place(prefix))
    }
    return names
  }

  async head(path: string): Promise<ObjectInfo | undefined> {
    return this.#absentOr(path, async () => {
      const { contentLength, lastModified } = await this.#file(path).getProperties()
      return { path, size: contentLength!, modified: lastModified! }
    })
  }

  async delete(path: string): Promise<void> {
    await this.#absentOr(path, () => this.#blob(path).delete())
    await this.#cache.drop(path)
  }

  async fetch(path: string): Promise<string> {
    return this.#cache.fetch(path, temp => this.#download(path, temp))
  }

  async close(): Promise<void> {}

  async #download(path: string, temp: string): Promise<void> {
    try {
      const { readableStreamBody, contentLength } = await this.#file(path).read(0, undefined, { maxRetryRequests: 5 })
      const out = createWriteStream(temp, { flags: 'wx', mode: 0o600 })
      await pipeline(readableStreamBody!, out)
      if (out.bytesWritten === contentLength) return
    } catch (error) {
      if (isSystemError(error)) throw error
      throw azureStoreError(error, this.#place(path))
    }
    throw new StoreError('STORE_UNREACHABLE', `${this.#place(path)}: the download broke off`, { retryable: true })
  }

  /** Writes, and makes the zone's container if it is the first write there. */
  async #write(path: string, send: (blob: BlockBlobClient) => Promise<unknown>): Promise<void> {
    const blob = this.#blob(path)
    try {
      await send(blob).catch(async error => {
        if (azureCode(error) !== 'ContainerNotFound') throw error
        await this.#clients.lake.getFileSystemClient(blob.containerName).createIfNotExists()
        await send(blob)
      })
    } catch (error) {
      if (alreadyThere(error)) throw new AlreadyThere()
      throw isSystemError(error) ? localStoreError(error, this.scratch) : azureStoreError(error, this.#place(path))
    }
  }

  async #absentOr<Result>(path: string, read: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await read()
    } catch (error) {
      if (azureStatus(error) === 404) return undefined
      throw azureStoreError(error, this.#place(path))
    }
  }

  #blob(path: string): BlockBlobClient {
    const { container, name } = this.#locate(path)
    return container.getBlockBlobClient(name)
  }

  #file(path: string): DataLakeFileClient {
    const { container, name } = this.#locate(path)
    return this.#clients.lake.getFileSystemClient(container.containerName).getFileClient(name)
  }

  #locate(path: string): { container: ContainerClient; name: string } {
    const slash = path.indexOf('/')
    const zone = path.slice(0, Math.max(slash, 0))
    if (!/^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$/.test(zone) || path.split('/').includes('..')) {
      throw new StoreError(
        'STORE_PATH',
        `${this.url}: a path starts with its zone, a container name of 3 to 63 small letters and digits`,
      )
    }
    const name = path.slice(slash + 1)
    const { blob, prefix } = this.#clients
    return { container: blob.getContainerClient(zone), name: prefix === '' ? name : `${prefix}/${name}` }
  }

  /** For messages: account, container and blob. */
  #place(path: string): string {
    const account = new URL(this.#clients.blob.url)
    const { container, name } = this.#locate(path)
    return `${account.origin}${account.pathname.replace(/\/$/, '')}/${container.containerName}/${name}`
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
