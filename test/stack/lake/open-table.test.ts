import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStore } from '../../../connectors/open-store.ts'
import { checkpoint } from '../../../lake/checkpoint.ts'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { each } from '../../../lake/each.ts'
import { loadSnapshot, readCommit } from '../../../lake/log.ts'
import { commitPath } from '../../../lake/path.ts'
import type { Table } from '../../../lake/table.ts'
import { versionAt } from '../../../lake/travel.ts'
import { longLog } from '../../unit/lake/long-log.ts'
import { someAdd, tempTable } from '../../unit/lake/temp-table.ts'
import { type Azurite, startAzurite } from './azurite.ts'
import { type CountingProxy, countingProxy } from './requests.ts'

let azurite: Azurite
let proxy: CountingProxy
let dir: string

/** A client that knows nothing yet, through the door that counts. */
const fresh = async (): Promise<Table> => {
  const counted = azurite.connectionString.replaceAll(String(azurite.port), String(proxy.port))
  return { store: await openStore('az://long', { azureConnectionString: counted, cacheDir: dir }), path: 'bronze/shop/orders' }
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-azure-open-'))
  azurite = await startAzurite()
  proxy = await countingProxy(azurite.port)
})

afterAll(async () => {
  await proxy.stop()
  await azurite.stop()
  await rm(dir, { recursive: true, force: true })
})

test('a table of 10,000 commits opens by one list and two gets', async () => {
  // The same log on the disk, where it is read sooner.
  await using local = await tempTable('bronze/shop/orders')
  await longLog(local, 10_001, (path, bytes) => writeFile(join(local.dir, path), bytes))
  const newest = (await loadSnapshot(local))!
  const direct = await openStore('az://long', { azureConnectionString: azurite.connectionString, cacheDir: dir })
  const table: Table = { store: direct, path: local.path }
  const versions = Array.from({ length: newest.version + 1 }, (_, version) => version)
  await each(versions, 32, async version =>
    direct.put(commitPath(table, version), (await local.store.get(commitPath(local, version)))!),
  )
  await using duck = await Duck.open()
  await checkpoint(duck, table, newest)

  const reader = await fresh()
  const started = performance.now()
  const opened = (await loadSnapshot(reader))!
  const took = performance.now() - started
  expect(proxy.taken().sort()).toEqual(['GET', 'GET', 'LIST'])
  expect(opened).toMatchObject({ version: 10_000, txns: newest.txns })
  expect(opened.files.size).toBe(10_000)
  expect(took).toBeLessThan(5_000)

  await commit(table, { base: newest, mode: 'append', operation: 'WRITE', adds: [someAdd('more')] })
  expect((await loadSnapshot(await fresh()))!.version).toBe(10_001)
  expect(proxy.taken().sort()).toEqual(['GET', 'GET', 'GET', 'LIST'])
  // Going on from a version known: the next one is there, the one after it is not.
  const known = await loadSnapshot(reader, { known: opened })
  expect(known!.version).toBe(10_001)
  expect(new Set(proxy.taken())).toEqual(new Set(['GET']))

  const moment = new Date(newest.timestamp - 5_000_000)
  const version = (await versionAt(await fresh(), moment))!
  expect(proxy.taken().filter(kind => kind === 'GET').length).toBeLessThan(60)
  const time = async (at: number) => (await readCommit(local, at))!.commitInfo!.timestamp!
  expect(await time(version)).toBeLessThanOrEqual(moment.getTime())
  expect(await time(version + 1)).toBeGreaterThan(moment.getTime())
})
