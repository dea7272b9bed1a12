// Removes what the smoke test made, folders of a hierarchical namespace included.
import type { AzureClients } from '../../connectors/azure-clients.ts'
import { azureStatus } from '../../connectors/azure-store-error.ts'
import type { ObjectStore } from '../../connectors/object-store.ts'
import { type Check, checked, must } from './check.ts'

/** Deletes everything below `folder` of a zone, and looks whether it is gone. `blobs` is the folder's name inside the container. */
export async function cleanUp(
  zone: string,
  store: ObjectStore,
  { folder, azure }: { folder: string; azure?: { clients: AzureClients; blobs: string } | undefined },
): Promise<Check> {
  return checked(zone, 'clean up', async () => {
    let deleted = 0
    for await (const { path } of store.list(`${folder}/`)) {
      await store.delete(path)
      deleted++
    }
    if (azure) await deleteFolders(zone, azure)
    for await (const { path } of store.list(`${folder}/`)) must(false, `${path} is still there: delete it by hand`)
    return `${deleted} objects deleted; nothing is left of this test`
  })
}

/** The deepest first: a folder that is not empty stays. A flat namespace has none. */
async function deleteFolders(zone: string, { clients, blobs }: { clients: AzureClients; blobs: string }): Promise<void> {
  const container = clients.blob.getContainerClient(zone)
  const folders: string[] = []
  try {
    for await (const { name, metadata } of container.listBlobsFlat({ prefix: blobs, includeMetadata: true }))
      if (metadata?.hdi_isfolder === 'true') folders.push(name)
  } catch (error) {
    if (azureStatus(error) !== 404) throw error
  }
  for (const name of folders.sort((a, b) => b.length - a.length)) await container.getBlobClient(name).deleteIfExists()
}
