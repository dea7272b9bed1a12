// Made-up change events in the shape and size of Debezium's: an update of an order, about 1 KB of schemaless JSON.
import { numbersFrom } from './random.ts'

export interface DebeziumEvent {
  key: string
  value: string
}

const statuses = ['placed', 'paid', 'shipped', 'delivered', 'cancelled', 'returned']
const words =
  'amber birch cedar delta ember fjord grove heath inlet jetty knoll ledge marsh north ocean plain quarry ridge slope trail'.split(
    ' ',
  )

/** The n-th event of an endless, repeatable series. Every order is updated about three times. */
export function debeziumEvent(n: number): DebeziumEvent {
  const random = numbersFrom(n + 1)
  const id = 1 + Math.floor(random() * (1 + n / 3))
  const at = 1_767_225_600_000_000 + n * 137_000
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)]!
  const before = {
    id,
    customer_id: 1 + Math.floor(random() * 50_000),
    status: pick(statuses),
    currency: 'EUR',
    discount: (random() * 20).toFixed(2),
    shipping: (random() * 9).toFixed(2),
    tax: (random() * 80).toFixed(2),
    note: Array.from({ length: 12 }, () => pick(words)).join(' '),
    placed_at: at - Math.floor(random() * 1e12),
    created_at: '2026-01-01T09:00:00.000001Z',
    updated_at: '2026-01-01T09:00:00.000001Z',
  }
  const after = {
    ...before,
    status: pick(statuses),
    tax: (random() * 80).toFixed(2),
    updated_at: new Date(at / 1_000).toISOString(),
  }
  const seconds = Math.floor(at / 1_000_000)
  const gtid = `3e11fa47-71ca-11e1-9e33-c80aa9429562:${100 + n}`
  const source = {
    version: '3.6.1.Final',
    connector: 'mysql',
    name: 'shop',
    ts_ms: seconds * 1_000,
    snapshot: 'false',
    db: 'shop',
    sequence: null,
    ts_us: at,
    table: 'orders',
    server_id: 1,
    gtid,
    file: `binlog.${String(1 + Math.floor(n / 100_000)).padStart(6, '0')}`,
    pos: 157 + (n % 100_000) * 611,
    row: 0,
    thread: 8,
    query: null,
  }
  const transaction = { id: gtid, total_order: 1, data_collection_order: 1 }
  const value = {
    before,
    after,
    source,
    transaction,
    op: 'u',
    ts_ms: seconds * 1_000 + 90,
    ts_us: at + 90_000,
  }
  return { key: JSON.stringify({ id }), value: JSON.stringify(value) }
}
