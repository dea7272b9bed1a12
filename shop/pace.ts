// Hands transactions to a writer in batches, at the rate asked for.
// Guarantee: no transaction is left out, and none starts after the signal, the time, or the source has ended.
import { setTimeout as sleep } from 'node:timers/promises'
import type { ShopTransaction } from './transaction.ts'

export interface Pace {
  /** Transactions a second on average; 0 is as fast as possible. */
  rate: number
  /** Ends after this many milliseconds. */
  forMs?: number
  /** At most this many in a batch. */
  batchSize: number
  signal: AbortSignal
}

/** At a low rate a batch holds what has come due since the one before, so that each waits 10 ms at most. */
export async function* paced(source: Iterable<ShopTransaction>, pace: Pace): AsyncGenerator<ShopTransaction[], void, undefined> {
  const { rate, forMs = Number.POSITIVE_INFINITY, batchSize, signal } = pace
  const began = performance.now()
  let taken = 0
  const iterator = source[Symbol.iterator]()
  try {
    for (;;) {
      const elapsed = performance.now() - began
      if (signal.aborted || elapsed >= forMs) return
      const due = rate === 0 ? batchSize : Math.floor((elapsed * rate) / 1000) + 1 - taken
      if (due < 1) {
        const wait = Math.min((taken * 1000) / rate - elapsed, forMs - elapsed)
        await sleep(Math.max(1, wait, Math.min(10, forMs - elapsed)), undefined, { signal }).catch(() => {})
        continue
      }
      const batch = take(iterator, Math.min(due, batchSize))
      if (batch.length === 0) return
      taken += batch.length
      yield batch
    }
  } finally {
    iterator.return?.()
  }
}

function take(iterator: Iterator<ShopTransaction>, count: number): ShopTransaction[] {
  const batch: ShopTransaction[] = []
  while (batch.length < count) {
    const next = iterator.next()
    if (next.done) break
    batch.push(next.value)
  }
  return batch
}
