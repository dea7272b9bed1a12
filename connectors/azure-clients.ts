// Credentials for Azure Storage, and nowhere else: a connection string, or the identity this process runs as.
// A further kind (a key, a SAS, a named identity) becomes one more case of `azureClients`.
import { BlobServiceClient } from '@azure/storage-blob'
import { DataLakeServiceClient } from '@azure/storage-file-datalake'
import { StoreError } from './store-error.ts'

export interface AzureClients {
  /** Credential, file systems, reads. */
  lake: DataLakeServiceClient
  /** Put, put-if-absent, list, delete: the same account by its Blob endpoint, which Azurite has too. */
  blob: BlobServiceClient
  /** Account and folder as a person would write them; no secret. */
  url: string
  /** Folder inside each zone's container, without slashes at its ends; may be empty. */
  prefix: string
}

/** Short delays: the caller (lake/commit.ts) has its own patience, and a lost reply is resolved there. */
const pipeline = { retryOptions: { maxTries: 4, retryDelayInMs: 200, maxRetryDelayInMs: 3000, tryTimeoutInMs: 120_000 } }

/** Clients for `az://[prefix]` or `abfss://account.dfs.core.windows.net/[prefix]`. Throws STORE_CONFIG; does not reach the network. */
export async function azureClients(url: string, connectionString: string | undefined): Promise<AzureClients> {
  if (url.startsWith('az:')) return fromConnectionString(url, connectionString)
  const { host, prefix } = account(url)
  const { DefaultAzureCredential } = await import('@azure/identity')
  const credential = new DefaultAzureCredential()
  return {
    lake: new DataLakeServiceClient(`https://${host}`, credential, pipeline),
    blob: new BlobServiceClient(`https://${host.replace('.dfs.', '.blob.')}`, credential, pipeline),
    url: `abfss://${host}/${prefix}`,
    prefix,
  }
}

function fromConnectionString(url: string, connectionString: string | undefined): AzureClients {
  if (!connectionString) {
    throw new StoreError('STORE_CONFIG', `${url}: az:// means the account of AZURE_STORAGE_CONNECTION_STRING, which is not set`)
  }
  const prefix = trimmed(url.slice('az:'.length))
  try {
    return {
      lake: DataLakeServiceClient.fromConnectionString(connectionString, pipeline),
      blob: BlobServiceClient.fromConnectionString(connectionString, pipeline),
      url: `az://${prefix}`,
      prefix,
    }
  } catch {
    // No cause: its text may quote the connection string.
    const form = 'DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…;EndpointSuffix=core.windows.net'
    throw new StoreError('STORE_CONFIG', `AZURE_STORAGE_CONNECTION_STRING is not a connection string; its form is ${form}`)
  }
}

function account(url: string): { host: string; prefix: string } {
  const match = /^abfss:\/\/(?:([^/@]*)@)?([a-z0-9]{3,24}\.dfs\.[a-z0-9.-]+)(\/.*)?$/.exec(url)
  if (!match) throw new StoreError('STORE_CONFIG', `${url}: write abfss://account.dfs.core.windows.net/folder`)
  if (match[1] !== undefined) {
    throw new StoreError(
      'STORE_CONFIG',
      `${url}: name the account only, not a container: bronze, silver and gold are containers of their own`,
    )
  }
  return { host: match[2]!, prefix: trimmed(match[3] ?? '') }
}

function trimmed(path: string): string {
  return path.replace(/^\/+|\/+$/g, '')
}
