// Opens the store that a lake's URL names: `file:///dir`, `az://[prefix]`, `abfss://account.dfs.core.windows.net/[prefix]`.
import { fileURLToPath } from 'node:url'
import { openLocalStore } from './local-store.ts'
import type { ObjectStore } from './object-store.ts'
import { StoreError } from './store-error.ts'

export interface OpenStoreOptions {
  /** Names the account for `az://`; Azurite's included. */
  azureConnectionString?: string | undefined
  /** Downloaded data files live here; several processes may share it. */
  cacheDir: string
}

/** Throws STORE_CONFIG for a URL it cannot use; the store's own errors when it is reached. */
export async function openStore(url: string, options: OpenStoreOptions): Promise<ObjectStore> {
  if (url.startsWith('file:')) return openLocalStore(localFolder(url))
  if (url.startsWith('az:') || url.startsWith('abfss:')) {
    // Loaded only here: the SDK takes a third of a second, which a local lake need not pay.
    const { openAzureStore } = await import('./azure-store.ts')
    return openAzureStore(url, { connectionString: options.azureConnectionString, cacheDir: options.cacheDir })
  }
  throw new StoreError(
    'STORE_CONFIG',
    `${url}: a lake is at file:///folder, az://prefix or abfss://account.dfs.core.windows.net/prefix`,
  )
}

function localFolder(url: string): string {
  try {
    return fileURLToPath(url)
  } catch (cause) {
    throw new StoreError('STORE_CONFIG', `${url}: not a folder on this machine; write file:///absolute/folder`, { cause })
  }
}
