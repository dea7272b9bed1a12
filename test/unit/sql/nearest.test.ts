import { expect, it } from 'vitest'
import { nearest } from '../../../sql/nearest.ts'

it.each([
  ['ordres', ['orders', 'customers', 'order_items'], ['orders']],
  ['ORDERS', ['orders'], ['orders']],
  ['sales', ['daily_sales', 'sellers'], ['daily_sales']],
  ['xyz', ['orders', 'payments'], []],
])('%s among %j', (word, names, expected) => expect(nearest(word, names)).toEqual(expected))
