// Opens the store that a lake's URL names: `file:///dir`, `az://[prefix]`, `abfss://account.dfs.core.windows.net/[prefix]`.
import { fileURLToPath } from 'node:url'
import type { AzureSettings } from './azure-access.ts'
import { openLocalStore } from './local-store.ts'
import type { ObjectStore } from './object-store.ts'
import { StoreError } from './store-error.ts'

export interface OpenStoreOptions {
  /** How an Azure account lets this process in; default: by this process's identity. */
  azure?: AzureSettings | undefined
  /** Short for `azure: {azure: …}`. */
  azureConnectionString?: string | undefined
  /** Downloaded data files live here; several processes may share it. */
  cacheDir: string
  /** Bytes that they may take. */
  cacheSize?: number | undefined
}

/** Throws STORE_CONFIG for a URL it cannot use; the store's own errors when it is reached. */
export async function openStore(url: string, options: OpenStoreOptions): Promise<ObjectStore> {
  if (url.startsWith('file:')) return openLocalStore(localFolder(url))
  if (url.startsWith('az:') || url.startsWith('abfss:')) {
    // Loaded only here: the SDK takes a third of a second, which a local lake need not pay.
    const { openAzureStore } = await import('./azure-store.ts')
    const { azureConnectionString, cacheDir, cacheSize } = options
    const settings = options.azure ?? (azureConnectionString ? { azure: azureConnectionString } : {})
    return openAzureStore(url, { settings, cacheDir, cacheSize })
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
