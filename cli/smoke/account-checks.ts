// What an account says of itself, and what this process may do in a zone of it.
import { randomUUID } from 'node:crypto'
import type { AzureClients } from '../../connectors/azure-clients.ts'
import { azureStatus, azureStoreError } from '../../connectors/azure-store-error.ts'
import type { ObjectStore } from '../../connectors/object-store.ts'
import { type Check, checked, must } from './check.ts'

/** Namespace and clock; soft delete and versioning as far as this process may see them. */
export async function accountChecks(zone: string, clients: AzureClients, probe: string): Promise<Check[]> {
  const { blob, access } = clients
  const container = blob.getContainerClient(zone)
  const told = (error: unknown) => {
    throw azureStoreError(error, `${access.endpoint}/${zone} (let in by ${access.said})`, access.sas)
  }
  return [
    await checked(zone, 'account', async () => {
      const asked = Date.now()
      const info = await container.getAccountInfo().catch(told)
      const space = info.isHierarchicalNamespaceEnabled ? 'hierarchical' : 'flat'
      const clock = info.date ? Math.round((asked + (Date.now() - asked) / 2 - info.date.getTime()) / 1000) : 0
      const seen = `${space} namespace, ${info.accountKind ?? 'kind unknown'}, ${info.skuName ?? ''}; let in by ${access.said}; this clock differs by ${clock} s`
      must(Math.abs(clock) < 300, `${seen}: set this machine's clock, Azure refuses requests that are 15 minutes off`)
      return seen
    }),
    await checked(zone, 'soft delete', async () => {
      const properties = await blob.getProperties().catch(error => {
        if (azureStatus(error) === 403) return undefined
        return told(error)
      })
      if (!properties) return { result: 'note', seen: 'this process may not see it: look in the portal, Data protection' }
      const { enabled, days } = properties.deleteRetentionPolicy ?? {}
      if (!enabled) return 'off'
      return { result: 'note', seen: `on: what is deleted or erased stays readable to the account's owner for ${days} days more` }
    }),
    await checked(zone, 'versioning', async () => {
      const client = container.getBlockBlobClient(probe)
      const { versionId } = await client.upload('x', 1).catch(told)
      await client.delete().catch(told)
      if (versionId === undefined) return 'off'
      return { result: 'note', seen: 'on: what is replaced, deleted or erased stays as an older version, and costs' }
    }),
  ]
}

/** Each right by one call. A zone to be read only must refuse to be written. */
export async function rightsCheck(
  zone: string,
  store: ObjectStore,
  options: { folder: string; readOnly: boolean },
): Promise<Check> {
  return checked(zone, 'rights', async () => {
    const path = `${options.folder}/${randomUUID()}`
    const calls: [string, () => Promise<unknown>][] = [
      ['list', () => store.list(`${options.folder}/`)[Symbol.asyncIterator]().next()],
      ['write', () => store.put(path, Buffer.from('x'))],
      ['read', () => store.get(path)],
      ['delete', () => store.delete(path)],
    ]
    const refused: string[] = []
    let reason: unknown
    for (const [right, call] of calls) {
      await call().catch(error => {
        refused.push(right)
        reason ??= error
      })
    }
    const may = calls.map(([right]) => right).filter(right => !refused.includes(right))
    if (options.readOnly) {
      must(
        may.includes('read') && may.includes('list'),
        `may ${may.join(', ') || 'nothing'}: a reader needs read and list (${String(reason)})`,
      )
      must(
        !may.includes('write') && !may.includes('delete'),
        `may ${may.join(', ')}: more than a reader needs; give it Storage Blob Data Reader`,
      )
      return `may ${may.join(', ')}, as a reader should`
    }
    if (reason !== undefined) throw reason
    return `may ${may.join(', ')}`
  })
}
