// Logs in to Microsoft Entra ID, as an application, a managed or workload identity, or whoever this process runs as.
// Guarantee: a client id that was asked for is used, or nothing is: no falling back to another identity.
import type { TokenCredential } from '@azure/identity'

export interface AzureIdentity {
  client?: string
  secret?: string
  tenant?: string
}

/** A credential for a storage endpoint; tokens are fetched when first needed. The national clouds log in at hosts of their own. */
export async function azureIdentity({ client, secret, tenant }: AzureIdentity, endpoint: string): Promise<TokenCredential> {
  const identity = await import('@azure/identity')
  const { ClientSecretCredential, DefaultAzureCredential, ManagedIdentityCredential, WorkloadIdentityCredential } = identity
  const hosts = identity.AzureAuthorityHosts
  const national = { 'chinacloudapi.cn': hosts.AzureChina, 'usgovcloudapi.net': hosts.AzureGovernment }
  const { hostname } = new URL(endpoint)
  const authorityHost = Object.entries(national).find(([suffix]) => hostname.endsWith(suffix))?.[1]
  const options = { ...(authorityHost ? { authorityHost } : {}), ...(tenant ? { tenantId: tenant } : {}) }
  if (secret !== undefined) return new ClientSecretCredential(tenant!, client!, secret, options)
  if (client === undefined) return new DefaultAzureCredential(options)
  return new identity.ChainedTokenCredential(
    new WorkloadIdentityCredential({ ...options, clientId: client }),
    new ManagedIdentityCredential({ clientId: client }),
  )
}
