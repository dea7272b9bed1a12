import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStore } from '../../../connectors/open-store.ts'
import { raceMixed } from '../../unit/lake/race-mixed.ts'
import { type Azurite, startAzurite } from './azurite.ts'

let azurite: Azurite
let dir: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-azure-race-'))
  azurite = await startAzurite()
})

afterAll(async () => {
  await azurite.stop()
  await rm(dir, { recursive: true, force: true })
})

test('eight writers of all kinds race for a thousand commits on an account', async () => {
  const store = await openStore('az://race', { azureConnectionString: azurite.connectionString, cacheDir: dir })
  const env = { AZURE_STORAGE_CONNECTION_STRING: azurite.connectionString }
  const table = { store, path: 'silver/shop/orders' }
  const { replanned } = await raceMixed({ url: 'az://race', table, commits: 1000, env })
  expect(replanned).toBeGreaterThan(0)
})
