// What the settings say about an Azure account: where it is, and how each zone is let in.
// Guarantee: nothing here reaches the network, and no message repeats a key, a signature or a connection string.
import type { Patience } from './azure-patience.ts'
import { StoreError } from './store-error.ts'

/** One way to be let in, at most; none of them: the identity this process runs as (DefaultAzureCredential). */
export interface AzureAccess {
  /** A connection string; it names the account too. */
  azure?: string | undefined
  /** An account key, base64. */
  key?: string | undefined
  /** A shared access signature: of the account, or of the zone's container. */
  sas?: string | undefined
  /** Client id of a managed or workload identity, or with `secret` of an application. */
  client?: string | undefined
  secret?: string | undefined
}

/** Settings of an account. What a zone of `zones` sets replaces the general way in, whole. */
export interface AzureSettings extends AzureAccess {
  /** Directory (tenant) of `client`. */
  tenant?: string | undefined
  /** The account's Blob endpoint where it is not the usual host: a private one, or an emulator's. */
  endpoint?: string | undefined
  zones?: Readonly<Record<string, AzureAccess | undefined>> | undefined
  retry?: Partial<Patience> | undefined
}

/** The account a lake lies in. */
export interface AzurePlace {
  /** As a person would write it; no secret. */
  url: string
  /** Folder inside each zone's container, without slashes at its ends; may be empty. */
  prefix: string
  /** Undefined for `az://`: the connection string names it. */
  account?: { name: string; endpoint: string }
}

export interface ZoneAccess {
  /** The Blob endpoint, without a slash at its end. */
  endpoint: string
  account: string
  key?: string
  /** Without its question mark. */
  sas?: string
  identity?: { client?: string; secret?: string; tenant?: string }
  /** For messages: where the way in was set. */
  said: string
}

/** The key and place that every Azurite has; both are public. */
const emulator = {
  endpoint: 'http://127.0.0.1:10000/devstoreaccount1',
  account: 'devstoreaccount1',
  key: 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==',
}

/** Reads `az://[prefix]` or `abfss://account.dfs.core.windows.net/[prefix]`. Throws STORE_CONFIG. */
export function azurePlace(url: string): AzurePlace {
  const [bare, query] = url.split('?', 2) as [string, string?]
  if (query !== undefined) {
    throw wrong(
      `${bare}: a lake's URL has no query, for it stands in logs; put a shared access signature into lake.sas (BINLAKE_LAKE_SAS)`,
    )
  }
  if (bare.startsWith('az:')) {
    const prefix = trimmed(bare.slice('az:'.length))
    return { url: `az://${prefix}`, prefix }
  }
  const match = /^abfss:\/\/(?:([^/@]*)@)?(([a-z0-9]{3,24})(?:\.z\d+)?)\.dfs\.([a-z0-9.-]+)(\/.*)?$/.exec(bare)
  if (!match) throw wrong(`${bare}: write abfss://account.dfs.core.windows.net/folder`)
  const [, container, host, name, suffix, path = ''] = match
  if (suffix === 'fabric.microsoft.com')
    throw wrong(`${bare}: OneLake has no containers for the zones; keep the lake in a storage account and make a shortcut to it`)
  if (container !== undefined)
    throw wrong(`${bare}: name the account only, not a container: bronze, silver and gold are containers of their own`)
  const prefix = trimmed(path)
  return {
    url: `abfss://${host}.dfs.${suffix}/${prefix}`,
    prefix,
    account: { name: name!, endpoint: `https://${host}.blob.${suffix}` },
  }
}

/** Checks every way in that the settings give. Throws STORE_CONFIG. */
export function checkAccess(place: AzurePlace, settings: AzureSettings): void {
  const zones = Object.entries(settings.zones ?? {}).filter(([, access]) => isSet(access))
  for (const [zone] of zones) zoneAccess(place, settings, zone)
  if (place.account || settings.azure !== undefined || zones.length === 0) zoneAccess(place, { ...settings, zones: {} }, 'any')
}

/** How a zone of this account is let in. Throws STORE_CONFIG. */
export function zoneAccess(place: AzurePlace, settings: AzureSettings, zone: string): ZoneAccess {
  const own = settings.zones?.[zone]
  const isOwn = isSet(own)
  const prefix = isOwn ? `lake.zones.${zone}.` : 'lake.'
  const access = isOwn ? own : settings
  const given = (['key', 'sas', 'client'] as const).filter(kind => access[kind] !== undefined)
  if (given.length > 1) throw wrong(`${given.map(kind => prefix + kind).join(' and ')} are both set: give one way to be let in`)
  const kind = given[0]
  const connection = access.azure === undefined ? undefined : connectionParts(access.azure, `${prefix}azure`)
  if (!place.account) {
    if (kind) throw wrong(`${place.url}: ${prefix}${kind} needs an account: write abfss://account.dfs.core.windows.net/folder`)
    if (connection) return { ...connection, said: `${prefix}azure` }
    const where = isOwn ? `${prefix}azure` : `AZURE_STORAGE_CONNECTION_STRING`
    throw wrong(`${place.url}: zone ${zone}: az:// means the account of ${where}, which is not set`)
  }
  const account = { endpoint: trimmedEnd(settings.endpoint ?? place.account.endpoint), account: place.account.name }
  if (kind === 'key') return { ...account, key: access.key!, said: `${prefix}key` }
  if (kind === 'sas') return { ...account, sas: signature(access.sas!, `${prefix}sas`), said: `${prefix}sas` }
  // A connection string of another account may stand in the environment for other programs.
  if (!kind && connection?.account === account.account)
    return { ...connection, ...(settings.endpoint ? account : {}), said: `${prefix}azure` }
  if (isOwn && connection) throw wrong(`${prefix}azure names another account than ${place.url}`)
  return {
    ...account,
    identity: identity(access, settings.tenant, prefix),
    said: kind ? `${prefix}client` : "this process's identity",
  }
}

function isSet(access: AzureAccess | undefined): access is AzureAccess {
  return access !== undefined && Object.values(access).some(value => value !== undefined)
}

function identity(
  { client, secret }: AzureAccess,
  tenant: string | undefined,
  prefix: string,
): NonNullable<ZoneAccess['identity']> {
  if (secret !== undefined && (client === undefined || tenant === undefined))
    throw wrong(`${prefix}secret also needs ${prefix}client and lake.tenant`)
  return { ...(client ? { client } : {}), ...(secret ? { secret } : {}), ...(tenant ? { tenant } : {}) }
}

function connectionParts(text: string, said: string): Omit<ZoneAccess, 'said'> {
  const parts = new Map(
    text
      .split(';')
      .map(part => [part.slice(0, part.indexOf('=')).trim().toLowerCase(), part.slice(part.indexOf('=') + 1).trim()]),
  )
  if (parts.get('usedevelopmentstorage') === 'true') return emulator
  const [name, key, sas] = ['accountname', 'accountkey', 'sharedaccesssignature'].map(part => parts.get(part))
  const protocol = parts.get('defaultendpointsprotocol') ?? 'https'
  const usual = name ? `${protocol}://${name}.blob.${parts.get('endpointsuffix') ?? 'core.windows.net'}` : undefined
  const endpoint = trimmedEnd(parts.get('blobendpoint') ?? usual ?? '')
  const host = URL.canParse(endpoint) ? new URL(endpoint).hostname : undefined
  if (host && name && key) return { endpoint, account: name, key }
  if (host && sas) return { endpoint, account: name ?? host.split('.')[0]!, sas: signature(sas, said) }
  const form = 'DefaultEndpointsProtocol=https;AccountName=…;AccountKey=…;EndpointSuffix=core.windows.net'
  throw wrong(`${said} (AZURE_STORAGE_CONNECTION_STRING) is not a connection string; its form is ${form}`)
}

/** A signature as the portal gives it: alone, after a question mark, or at the end of a URL. */
function signature(text: string, said: string): string {
  const sas = text.trim().slice(text.trim().indexOf('?') + 1)
  if (new URLSearchParams(sas).has('sig')) return sas
  throw wrong(`${said} is not a shared access signature; its form is sv=…&se=…&sp=…&sig=…`)
}

function wrong(message: string): StoreError {
  return new StoreError('STORE_CONFIG', message)
}

function trimmed(path: string): string {
  return path.replace(/^\/+|\/+$/g, '')
}

function trimmedEnd(url: string): string {
  return url.replace(/\/+$/, '')
}
