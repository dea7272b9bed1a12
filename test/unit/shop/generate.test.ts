import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { generate } from '../../../shop/generate.ts'
import { readEmbeddedTable, type TextRow } from '../../../shop/read-embedded.ts'

vi.setConfig({ testTimeout: 60_000 })

let dir: string
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-generate-'))
})
afterEach(() => rm(dir, { recursive: true, force: true }))

const options = { seed: 5, customers: 30, orders: 40, rate: 0, days: 20 }

async function rows(table: string, folder = dir): Promise<TextRow[]> {
  const found: TextRow[] = []
  for await (const row of readEmbeddedTable(folder, table)) found.push(row)
  return found
}

test('fills the target, tells its progress, and goes on when run again', async () => {
  const seen: number[] = []
  const first = await generate({ embedded: dir }, options, { onProgress: ({ transactions }) => seen.push(transactions) })
  expect(first.rows.orders!.insert).toBe(40)
  expect(seen.at(-1)).toBe(first.transactions)
  const second = await generate({ embedded: dir }, options)
  expect(second.rows.orders!.insert).toBe(40)
  expect(second.rows.sellers?.insert ?? 0).toBe(0)
  const orders = await rows('orders')
  expect(orders.map(({ id }) => Number(id)).sort((a, b) => a - b)).toEqual(Array.from({ length: 80 }, (_, n) => n + 1))
  const emails = (await rows('customers')).map(({ email }) => email!.toLowerCase())
  expect(new Set(emails).size).toBe(emails.length)
})

test('makes the same shop of the same seed, an empty one or not', async () => {
  const tables = []
  for (const folder of [join(dir, 'a'), join(dir, 'b')]) {
    await generate({ embedded: folder }, options)
    await generate({ embedded: folder }, options)
    tables.push(await rows('payments', folder))
  }
  expect(tables[0]).toEqual(tables[1])
})

test('goes on for a time at a rate, and stops when aborted', async () => {
  const timed = await generate({ embedded: dir }, { ...options, rate: 100, forMs: 300 })
  expect(timed.transactions).toBeGreaterThan(5)
  expect(timed.transactions).toBeLessThan(60)
  const abort = new AbortController()
  const stopped = await generate(
    { embedded: dir },
    { ...options, rate: 0, forMs: 60_000 },
    { signal: abort.signal, onProgress: () => abort.abort() },
  )
  expect(stopped.transactions).toBe(500)
  await generate({ embedded: dir }, options)
})

test('plants a canary once', async () => {
  const canary = 'canary@privacy.example'
  const withCanary = { ...options, canary }
  await generate({ embedded: dir }, withCanary)
  await generate({ embedded: dir }, withCanary)
  expect((await rows('customers')).filter(({ email }) => email === canary)).toHaveLength(1)
})

test('writes the customers file', async () => {
  const file = join(dir, 'customers.json')
  const { customersWritten } = await generate({ embedded: join(dir, 'shop') }, { ...options, customersFile: file })
  const customers = JSON.parse(await readFile(file, 'utf8'))
  expect(customers).toHaveLength(customersWritten!)
  expect(customersWritten).toBe((await rows('customers', join(dir, 'shop'))).length)
  expect(customers[0]).toMatchObject({
    id: expect.any(Number),
    email: expect.any(String),
    marketing_consent: expect.any(Boolean),
  })
  expect((await readdir(dir)).sort()).toEqual(['customers.json', 'shop'])
  await generate({ embedded: join(dir, 'none') }, { ...options, customers: 0, orders: 0, customersFile: file })
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual([])
})
