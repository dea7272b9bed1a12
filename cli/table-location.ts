// Where a table lies, as other engines are told it.
import { fileURLToPath } from 'node:url'
import { azurePlace, zoneAccess } from '../connectors/azure-access.ts'
import type { Location } from '../sql/ddl/table.ts'
import { type Config, need } from './config.ts'

/** The place of the table at `path` (`silver/shop/orders`) of the configured lake; no secret. Throws ConfigError, STORE_CONFIG. */
export function tableLocation(config: Config, path: string): Location {
  const url = need(config.lake.url, 'lake.url')
  if (url.startsWith('file:')) return { kind: 'local', folder: `${fileURLToPath(url).replace(/\/+$/, '')}/${path}` }
  const place = azurePlace(url)
  const [container, ...rest] = path.split('/') as [string, ...string[]]
  const inside = { container, prefix: place.prefix, path: rest.join('/') }
  // A private endpoint is ours alone: others are told the account's usual name.
  const endpoint = place.account?.endpoint ?? zoneAccess(place, config.lake, container).endpoint
  const [, account, suffix] = /^https?:\/\/([a-z0-9]+(?:\.z\d+)?)\.blob\.([a-z0-9.-]+)$/.exec(endpoint) ?? []
  return account && suffix ? { kind: 'azure', account, suffix, ...inside } : { kind: 'emulator', endpoint, ...inside }
}
