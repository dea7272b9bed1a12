// Opens the configured lake, to read it or to write it.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ObjectStore } from '../connectors/object-store.ts'
import { type Config, need } from './config.ts'
import { ConfigError } from './config-error.ts'

/** Throws ConfigError if no lake is configured or its folder is not there: reading must not make one. */
export async function openLake(config: Config): Promise<ObjectStore> {
  const url = need(config.lake.url, 'lake.url')
  if (url.startsWith('file:') && !existsSync(fileURLToPath(url))) {
    throw new ConfigError('CONFIG_INVALID', [
      `lake.url: ${url}: there is no such folder; expected a lake that \`binlake run\` has written`,
    ])
  }
  return openStoreOf(config)
}

/** The configured store, made if it is not there. */
export async function openStoreOf(config: Config): Promise<ObjectStore> {
  const { openStore } = await import('../connectors/open-store.ts')
  const { url, cache, cachesize, ...azure } = config.lake
  return openStore(need(url, 'lake.url'), { azure, cacheDir: cache, cacheSize: cachesize })
}
