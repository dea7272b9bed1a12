// The change events of a soak: a shop's orders, placed, changed a few times, and deleted when they are old.
import { writeFileSync } from 'node:fs'
import type { TopicBatch } from '../../connectors/source.ts'

export interface ChangesOptions {
  rows: number
  keys: number
  /** Milliseconds since 1970. */
  now: number
}

/** Commit number `commit`'s events as a batch: in ten, one new order, one old one deleted, eight changes of any order that lives. */
export function batchOf(commit: number, { file, ...options }: ChangesOptions & { file: string }): TopicBatch {
  const { rows, now } = options
  const lines = Array.from({ length: rows }, (_, i) => line(commit * rows + i, options))
  const text = lines.join('')
  writeFileSync(file, text)
  return {
    ...{ topic: 'shop.shop.orders', topicId: 'topic-1', spool: file, records: rows, bytes: text.length, poison: [] },
    longestLine: Math.max(...lines.map(({ length }) => length)),
    ranges: new Map([[0, { from: BigInt(commit * rows), to: BigInt((commit + 1) * rows) }]]),
  }

  /** As connectors/spool.ts writes it; a spool of its own would ask for a megabyte each. */
  function line(n: number, { keys }: ChangesOptions): string {
    const newest = Math.floor(n / 10) + 1
    const oldest = Math.max(1, newest - keys)
    const op = n % 10 === 0 ? 'c' : n % 10 === 9 && newest > keys ? 'd' : 'u'
    const id = op === 'c' ? newest : op === 'd' ? oldest : oldest + 1 + (hashed(n) % Math.max(1, newest - oldest))
    const row = { id, status: ['placed', 'paid', 'shipped', 'delivered'][n % 4], note: `note ${hashed(n).toString(36)}` }
    const source = {
      ...{ version: '3.6.1.Final', connector: 'mysql', name: 'shop', ts_ms: now, snapshot: 'false', db: 'shop', sequence: null },
      ...{ ts_us: now * 1_000, ts_ns: now * 1_000_000, table: 'orders', server_id: 1, gtid: null, file: 'binlog.000001' },
      ...{ pos: 4 + n * 100, row: 0, thread: 1, query: null },
    }
    const event = { before: op === 'c' ? null : row, after: op === 'd' ? null : row, source, transaction: null, op, ts_ms: now }
    return `0\x1f${n}\x1f${now}\x1f\\N\x1f{"id":${id}}\x1f${JSON.stringify(event)}\n`
  }
}

/** Evenly spread, the same in every run. */
function hashed(n: number): number {
  let x = Math.imul(n ^ 0x9e3779b9, 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}
