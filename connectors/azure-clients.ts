// The SDK's clients for the zones of one account, made when a zone is first reached.
// Guarantee: a zone's clients hold that zone's way in and no other; two zones with the same way in share their connections and tokens.
import { BlobServiceClient, newPipeline as newBlobPipeline, StorageSharedKeyCredential } from '@azure/storage-blob'
import {
  DataLakeServiceClient,
  StorageSharedKeyCredential as LakeKey,
  newPipeline as newLakePipeline,
} from '@azure/storage-file-datalake'
import { type AzurePlace, type AzureSettings, type ZoneAccess, zoneAccess } from './azure-access.ts'
import { azureIdentity } from './azure-identity.ts'
import { type Patience, patient, usualPatience } from './azure-patience.ts'
import { StoreError } from './store-error.ts'

export interface AzureClients {
  /** Credential, file systems, reads. */
  lake: DataLakeServiceClient
  /** Put, put-if-absent, list, delete: the same account by its Blob endpoint, which Azurite has too. */
  blob: BlobServiceClient
  access: ZoneAccess
}

/** A function that gives a zone's clients. Nothing is reached before a client is used; throws STORE_CONFIG. */
export function azureClients(place: AzurePlace, settings: AzureSettings): (zone: string) => Promise<AzureClients> {
  const patience: Patience = { ...usualPatience, ...settings.retry }
  const made = new Map<string, Promise<AzureClients>>()
  return async zone => {
    const access = zoneAccess(place, settings, zone)
    const clients = made.get(access.said) ?? clientsOf(access, patience)
    made.set(access.said, clients)
    return clients
  }
}

async function clientsOf(access: ZoneAccess, patience: Patience): Promise<AzureClients> {
  const { endpoint, account, key, sas, identity } = access
  const url = sas ? `${endpoint}?${sas}` : endpoint
  if (identity && endpoint.startsWith('http:'))
    throw new StoreError('STORE_CONFIG', `${endpoint}: an identity's token needs https; use a key or a signature here`)
  const token = identity ? await azureIdentity(identity, endpoint) : undefined
  // The steps of `patient` stand in for the SDK's retries; the server is told to give up when we do.
  const options = { retryOptions: { maxTries: 1, tryTimeoutInMs: Math.max(patience.timeout, 1_000) } }
  const blobs = newBlobPipeline(token ?? (key ? new StorageSharedKeyCredential(account, key) : undefined), options)
  const lakes = newLakePipeline(token ?? (key ? new LakeKey(account, key) : undefined), options)
  for (const { factories } of [blobs, lakes]) factories.push(patient(patience))
  return { lake: new DataLakeServiceClient(url, lakes), blob: new BlobServiceClient(url, blobs), access }
}
