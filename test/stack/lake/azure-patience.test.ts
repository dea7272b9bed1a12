// Requests to Azure whose answers are late, lost or refused; Azurite stands behind a proxy that loses them.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Patience } from '../../../connectors/azure-patience.ts'
import type { ObjectStore } from '../../../connectors/object-store.ts'
import { openStore } from '../../../connectors/open-store.ts'
import { commit } from '../../../lake/commit.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { type Azurite, startAzurite } from './azurite.ts'
import { type FlakyProxy, flakyProxy } from './flaky-proxy.ts'

let azurite: Azurite
let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-patience-'))
  azurite = await startAzurite()
  await (await open(azurite.port)).put('silver/warm/up', Buffer.from('made the container'))
})
afterAll(async () => {
  await azurite.stop()
  await rm(dir, { recursive: true, force: true })
})

async function open(port: number, retry: Partial<Patience> = {}, cache = 'cache'): Promise<ObjectStore> {
  const azure = azurite.connectionString.replace(String(azurite.port), String(port))
  return openStore('az://patience', { azure: { azure, retry: { delay: 20, ...retry } }, cacheDir: join(dir, cache) })
}

async function through(fate: Parameters<typeof flakyProxy>[1], work: (proxy: FlakyProxy) => Promise<void>): Promise<void> {
  const proxy = await flakyProxy(azurite.port, fate)
  try {
    await work(proxy)
  } finally {
    await proxy.close()
  }
}

test('connections that break and servers that are busy are tried again, as often as asked', async () => {
  const fates = ['refuse', { status: 503, headers: { 'x-ms-error-code': 'ServerBusy' } }, { status: 500 }, 'pass'] as const
  await through(
    (_, nth) => fates[nth - 1]!,
    async proxy => {
      const store = await open(proxy.port)
      await store.put('silver/t/busy', Buffer.from('there'))
      expect(proxy.seen).toHaveLength(4)
      expect(await (await open(azurite.port)).get('silver/t/busy')).toEqual(Buffer.from('there'))
    },
  )
  await through(
    () => ({ status: 503 }),
    async proxy => {
      const store = await open(proxy.port, { tries: 2 })
      await expect(store.get('silver/t/busy')).rejects.toMatchObject({ code: 'STORE_FAILED', retryable: true })
      expect(proxy.seen).toHaveLength(2)
    },
  )
})

test('a refusal is not tried again', async () => {
  await through(
    () => ({ status: 403, headers: { 'x-ms-error-code': 'AuthorizationPermissionMismatch' } }),
    async proxy => {
      const store = await open(proxy.port)
      await expect(store.get('silver/t/x')).rejects.toMatchObject({ code: 'STORE_DENIED', retryable: false })
      expect(proxy.seen).toHaveLength(1)
    },
  )
})

test('a throttling account is given the time it asks for', async () => {
  await through(
    (_, nth) => (nth === 1 ? { status: 429, headers: { 'retry-after': '1' } } : 'pass'),
    async proxy => {
      const start = performance.now()
      await (await open(proxy.port)).put('silver/t/throttled', Buffer.from('x'))
      expect(performance.now() - start).toBeGreaterThan(990)
    },
  )
})

test('an account that never answers: each try ends by its timeout, all of them by the total', async () => {
  await through(
    () => 'hang',
    async proxy => {
      const start = performance.now()
      const store = await open(proxy.port, { tries: 100, timeout: 300, total: 1_000 })
      await expect(store.get('silver/t/x')).rejects.toMatchObject({
        code: 'STORE_UNREACHABLE',
        retryable: true,
        message: expect.stringContaining('lake.retry.timeout'),
      })
      expect(performance.now() - start).toBeLessThan(1_500)
      expect(proxy.seen.length).toBeGreaterThanOrEqual(3)
      expect(proxy.seen.length).toBeLessThanOrEqual(4)
    },
  )
})

test('a clock that is wrong is named', async () => {
  const date = new Date(Date.now() + 20 * 60_000).toUTCString()
  await through(
    () => ({ status: 403, headers: { 'x-ms-error-code': 'AuthenticationFailed', date } }),
    async proxy => {
      await expect((await open(proxy.port)).get('silver/t/x')).rejects.toThrow(/clock is 20 minutes behind/)
    },
  )
})

test('a body that stops half-way is given up and leaves no copy; the next fetch has it whole', async () => {
  const writer = await open(azurite.port)
  await writeFile(join(writer.scratch, 'f'), Buffer.alloc(300_000, 'x'))
  await writer.putFile('silver/t/half.parquet', join(writer.scratch, 'f'))
  let broken = true
  await through(
    request => (broken && request.method === 'GET' ? 'half-body' : 'pass'),
    async proxy => {
      const store = await open(proxy.port, { timeout: 300, tries: 1 }, 'half')
      await expect(store.fetch('silver/t/half.parquet')).rejects.toMatchObject({ code: 'STORE_UNREACHABLE', retryable: true })
      await expect(store.get('silver/t/half.parquet')).rejects.toMatchObject({ code: 'STORE_UNREACHABLE', retryable: true })
      broken = false
      expect(await readFile(await store.fetch('silver/t/half.parquet'))).toHaveLength(300_000)
    },
  )
})

test('commits whose answers are lost land once each: one winner a version, no row twice', async () => {
  const losing = (request: IncomingMessage, nth: number) =>
    request.method === 'PUT' && request.url!.includes('_delta_log') && nth === 1 ? 'lose-answer' : 'pass'
  await through(losing, async proxy => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => open(proxy.port)))
    const tables = stores.map(store => ({ store, path: 'silver/t/lost' }))
    const fields = [{ name: 'id', type: 'long', nullable: true, metadata: {} }]
    let base = await commit(tables[0]!, {
      base: undefined,
      mode: 'append',
      operation: 'CREATE TABLE',
      metaData: { fields } as never,
      adds: [],
    })
    const start = base
    await Promise.all(
      tables.map(async (table, writer) => {
        let own = start
        for (let n = 0; n < 5; n++) {
          const add = {
            path: `w${writer}-${n}.parquet`,
            partitionValues: {},
            size: 1,
            modificationTime: 0,
            dataChange: true,
            stats: '{"numRecords":1}',
          }
          own = await commit(table, { base: own, mode: 'append', operation: 'WRITE', adds: [add] })
        }
      }),
    )
    base = (await loadSnapshot({ store: await open(azurite.port), path: 'silver/t/lost' }))!
    expect(base.version).toBe(20)
    expect([...base.files.keys()].sort()).toEqual([0, 1, 2, 3].flatMap(w => [0, 1, 2, 3, 4].map(n => `w${w}-${n}.parquet`)))
  })
})
