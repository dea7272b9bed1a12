import { expect, test } from 'vitest'
import { type Pace, paced } from '../../../shop/pace.ts'
import type { ShopTransaction } from '../../../shop/transaction.ts'

function* numbered(count: number): Generator<ShopTransaction> {
  for (let n = 0; n < count; n++) yield { at: new Date(n), changes: [] }
}

async function collect(count: number, pace: Partial<Pace>): Promise<{ batches: number[]; times: number[]; elapsed: number }> {
  const began = performance.now()
  const batches: number[] = []
  const times: number[] = []
  for await (const batch of paced(numbered(count), { rate: 0, batchSize: 10, signal: new AbortController().signal, ...pace })) {
    batches.push(batch.length)
    times.push(...batch.map(({ at }) => at.getTime()))
  }
  return { batches, times, elapsed: performance.now() - began }
}

test('without a rate, full batches and then the rest, in order', async () => {
  const { batches, times } = await collect(25, {})
  expect(batches).toEqual([10, 10, 5])
  expect(times).toEqual(Array.from({ length: 25 }, (_, n) => n))
})

test('with a rate, the mean is the rate', async () => {
  const { times, elapsed } = await collect(100, { rate: 250 })
  expect(times).toHaveLength(100)
  expect(elapsed).toBeGreaterThan(99 * 4 - 5)
  expect(elapsed).toBeLessThan(3_000)
})

test('ends in time, even while it waits for the next', async () => {
  const { times, elapsed } = await collect(1_000, { rate: 0.5, forMs: 150 })
  expect(times).toHaveLength(1)
  expect(elapsed).toBeGreaterThanOrEqual(140)
  expect(elapsed).toBeLessThan(1_500)
})

test('ends when aborted, even while it waits, and lets the source go', async () => {
  const abort = new AbortController()
  let released = false
  function* source() {
    try {
      yield* numbered(10)
    } finally {
      released = true
    }
  }
  setTimeout(() => abort.abort(), 30)
  const began = performance.now()
  let seen = 0
  for await (const batch of paced(source(), { rate: 0.1, batchSize: 10, signal: abort.signal })) seen += batch.length
  expect(seen).toBe(1)
  expect(performance.now() - began).toBeLessThan(2_000)
  expect(released).toBe(true)
})
