import { expect, test } from 'vitest'
import { statementsOf } from '../../../shop/mysql-statements.ts'
import type { Change, Row } from '../../../shop/transaction.ts'

const at = new Date(0)
const line = (line_no: number, quantity = 1): Row => ({
  order_id: 1,
  line_no,
  product_id: 2,
  quantity,
  unit_price: '1.00',
  created_at: '2025-01-01 00:00:00.000000',
  updated_at: '2025-01-01 00:00:00.000000',
})

test('rows of one table share a statement, updates stay alone', () => {
  const changes: Change[] = [
    { table: 'order_items', op: 'insert', after: line(1) },
    { table: 'order_items', op: 'insert', after: line(2) },
    { table: 'order_items', op: 'update', before: line(1), after: line(1, 3) },
    { table: 'order_items', op: 'update', before: line(2), after: line(3) },
    { table: 'order_items', op: 'delete', before: line(1) },
    { table: 'order_items', op: 'delete', before: line(3) },
  ]
  const stamps = "'2025-01-01 00:00:00.000000', '2025-01-01 00:00:00.000000'"
  expect(statementsOf({ at, changes })).toEqual([
    'BEGIN',
    'INSERT INTO `order_items` (`order_id`, `line_no`, `product_id`, `quantity`, `unit_price`, `created_at`, `updated_at`) ' +
      `VALUES (1, 1, 2, 1, '1.00', ${stamps}), (1, 2, 2, 1, '1.00', ${stamps})`,
    // updated_at is named although it stays: the server would set it otherwise.
    "UPDATE `order_items` SET `quantity` = 3, `updated_at` = '2025-01-01 00:00:00.000000' WHERE `order_id` = 1 AND `line_no` = 1",
    "UPDATE `order_items` SET `line_no` = 3, `updated_at` = '2025-01-01 00:00:00.000000' WHERE `order_id` = 1 AND `line_no` = 2",
    'DELETE FROM `order_items` WHERE (`order_id`, `line_no`) IN ((1, 1), (1, 3))',
    'COMMIT',
  ])
})

test('values cannot end their literal', () => {
  const before: Row = { id: 1, reason: "it's", updated_at: 'x' }
  const after: Row = { id: 1, reason: "\\'; DROP TABLE orders; -- \0", updated_at: 'x' }
  const [, statement] = statementsOf({ at, changes: [{ table: 'reasons', op: 'update', before, after }] })
  expect(statement).toBe(
    "UPDATE `reasons` SET `reason` = '\\\\\\'; DROP TABLE orders; -- \\0', `updated_at` = 'x' WHERE `id` = 1",
  )
})

test('a long statement is cut', () => {
  const changes: Change[] = Array.from({ length: 2_500 }, (_, index) => ({
    table: 'order_items',
    op: 'insert',
    after: line(index),
  }))
  expect(statementsOf({ at, changes })).toHaveLength(2 + 3)
})
