// The two kinds of rows that are written: bronze's, mostly long text, and silver's, typed and often alike.
import { debeziumEvent } from '../debezium-event.ts'
import { below, numbersFrom } from '../random.ts'

/** Whole numbers of 64 bits, text, and times, which stand as milliseconds in the text file. */
export type ColumnKind = 'long' | 'text' | 'time'

export interface Shape {
  name: string
  columns: Record<string, ColumnKind>
  /** The n-th row's values, in the order of `columns`. */
  row(n: number): (string | number)[]
}

const firstMs = 1_767_225_600_000

export const shapes: readonly Shape[] = [
  {
    name: 'bronze',
    columns: { partition: 'long', offset: 'long', kafka_ts: 'time', key: 'text', value: 'text' },
    row(n) {
      const { key, value } = debeziumEvent(n)
      return [0, n, firstMs + n, key, value]
    },
  },
  {
    name: 'silver',
    columns: { id: 'long', customer_id: 'long', status: 'text', currency: 'text', cents: 'long', placed_at: 'time' },
    row(n) {
      const random = numbersFrom(n + 1)
      const status = ['placed', 'paid', 'shipped', 'delivered', 'cancelled', 'returned'][below(random, 6)]!
      const currency = ['EUR', 'EUR', 'EUR', 'USD', 'GBP'][below(random, 5)]!
      return [n + 1, 1 + below(random, 50_000), status, currency, below(random, 50_000), firstMs + n * 61_000]
    },
  },
]
