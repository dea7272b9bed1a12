// A short history of the shop that holds every kind of change: the recorded events of test/fixtures/debezium/shop.json are of it.
import { shopTable, type TableName } from '../../../shop/tables.ts'
import type { Change, Row, ShopTransaction, Value } from '../../../shop/transaction.ts'

export const historyDatabase = 'shop_history'
export const historyPrefix = 'history'

const before = '2025-03-01 10:00:00.000000'
const after = '2025-03-02 11:30:00.250000'

function row(table: TableName, stamp: string, values: readonly Value[]): Row {
  const names = shopTable(table).columns.map(({ name }) => name)
  return Object.fromEntries([...values, stamp, stamp].map((value, index) => [names[index]!, value]))
}

function insert(table: TableName, values: readonly Value[], stamp = before): Change {
  return { table, op: 'insert', after: row(table, stamp, values) }
}

function update(table: TableName, old: Row, columns: Row): Change {
  return { table, op: 'update', before: old, after: { ...old, ...columns, updated_at: after } }
}

function remove(table: TableName, old: Row): Change {
  return { table, op: 'delete', before: old }
}

function commit(...changes: Change[]): ShopTransaction {
  return { at: new Date('2025-03-02T11:30:00.250Z'), changes }
}

const customer = insert('customers', [
  1,
  'Test',
  'One',
  'one@example.com',
  '+4915112345678',
  '1969-07-20',
  'Street 1',
  'Town',
  '10115',
  'DE',
  1,
])
const sparse = insert(
  'customers',
  [2, 'Test', 'Two', 'two@example.com', null, null, null, null, null, null, 0],
  '2025-03-01 10:00:00.120300',
)
const seller = insert('sellers', [1, 'A & B', 'sales@example.com', null, null, null, '4.50'])
const product = insert('products', [1, 1, 'Lamp', 'Home', '19.90', 10, 1])
const other = insert('products', [2, 1, 'Chair', 'Home', '1234567890.01', 0, 0])
const order = insert('orders', [1, 1, 'placed', 'EUR', '0.00', '4.90', '3.78', '2025-03-01 09:59:59.999999'])
const lines = [1, 2, 3].map(line => insert('order_items', [1, line, 1, line, '19.90']))
const payment = insert('payments', [1, 1, 'card', '28.58', 'authorised', '2025-03-01 10:00:00.000001'])
const reason = insert('reasons', [1, 1, null, 'cancel', 'Out of stock', '0.00'])
const carts = [1, 2].map(id => insert('cart_events', [id, 1, '0f8fad5b-d9cb-469f-a165-70867728950e', 1, 'add', before]))
const touches = [1, 2, 3].map(id => insert('touches', [id, 1, 'search', '1969-12-31 23:59:59.500000']))

const image = (change: Change) => change.after ?? change.before

/** What the tables hold before the connector looks at them. */
export const existing: readonly ShopTransaction[] = [
  commit(seller, product, other, customer, sparse, order, ...lines, payment, reason, ...carts, ...touches),
]

const odd = insert(
  'customers',
  [
    3,
    'Zoë 😀',
    'O\'Neill "q" \\ \\u001f',
    'u1f\u001a\u001f@example.com',
    '\t',
    null,
    'a\nb\r\f\b',
    'ü\u007f\u2028é',
    '',
    'Österreich',
    1,
  ],
  after,
)
const newOrder = insert('orders', [2, 3, 'placed', 'EUR', '1.00', '0.00', '7.37', after], after)
const newLines = [1, 2].map(line => insert('order_items', [2, line, 1, 1, '19.90'], after))
const newPayment = insert('payments', [2, 2, 'gift_card', '46.17', 'captured', after], after)

/** What happens while the connector is streaming. */
export const streamed: readonly ShopTransaction[] = [
  commit(odd, insert('touches', [4, 3, 'email', '2025-02-20 08:00:00.123456'], after)),
  commit(newOrder, ...newLines, newPayment, update('orders', image(newOrder), { status: 'paid' })),
  commit(update('customers', image(customer), { phone: null, marketing_consent: 0, birth_date: '2004-02-29' })),
  commit(update('products', image(product), { price: '17.00' }), update('products', image(other), { active: 1, stock: -1 })),
  // A line is taken out of an order: the others move up, and their keys with them.
  commit(
    remove('order_items', image(lines[0]!)),
    update('order_items', image(lines[1]!), { line_no: 1 }),
    update('order_items', image(lines[2]!), { line_no: 2 }),
    update('orders', image(order), { tax: '2.00' }),
  ),
  commit(update('reasons', image(reason), { reason: 'Wrong size' }), update('sellers', image(seller), { rating: '5.00' })),
  commit(...carts.map(each => remove('cart_events', image(each))), ...touches.map(each => remove('touches', image(each)))),
  commit(remove('customers', image(sparse))),
]
