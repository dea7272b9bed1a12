// The reference shop's nine tables as data: MySQL's DDL, the simulation and the embedded log all read this list.
// Guarantee: a parent stands before its children, so rows may be created in this order and deleted in reverse.

/** A column: `type` is MySQL's, `default` is SQL text (absent = no default). */
export interface Column {
  name: string
  type: string
  nullable: boolean
  default?: string
  autoIncrement?: boolean
  /** SQL text of ON UPDATE. */
  onUpdate?: string
}

export interface ForeignKey {
  columns: readonly string[]
  /** The parent table, and its columns in the same order. */
  table: string
  references: readonly string[]
}

export interface Table {
  name: string
  columns: readonly Column[]
  primaryKey: readonly string[]
  uniqueKeys: readonly (readonly string[])[]
  /** Without cascades: MySQL before 9.6 does not log what a cascade changes. */
  foreignKeys: readonly ForeignKey[]
}

export type TableName =
  | 'customers'
  | 'sellers'
  | 'products'
  | 'orders'
  | 'order_items'
  | 'payments'
  | 'reasons'
  | 'cart_events'
  | 'touches'

/** The database the tables live in. */
export const shopDatabase = 'shop'

const money = 'decimal(12,2)'
const now = 'CURRENT_TIMESTAMP(6)'

function column(name: string, type: string, more: Omit<Column, 'name' | 'type' | 'nullable'> = {}): Column {
  return { name, type, nullable: false, ...more }
}

function optional(name: string, type: string): Column {
  return { name, type, nullable: true }
}

function serial(type: 'int' | 'bigint'): Column {
  return column('id', type, { autoIncrement: true })
}

/** Every table ends with these. */
const stamps: readonly Column[] = [
  column('created_at', 'timestamp(6)', { default: now }),
  column('updated_at', 'timestamp(6)', { default: now, onUpdate: now }),
]

function parent(table: TableName, name: string): ForeignKey {
  return { columns: [name], table, references: ['id'] }
}

function table(name: TableName, columns: Column[], more: Partial<Omit<Table, 'name' | 'columns'>> = {}): Table {
  return { name, columns: [...columns, ...stamps], primaryKey: ['id'], uniqueKeys: [], foreignKeys: [], ...more }
}

/** Parents first. Times named `*_at` that are not `created_at` or `updated_at` are DATETIME(6) in UTC. */
export const shopTables: readonly Table[] = [
  table(
    'customers',
    [
      serial('int'),
      column('first_name', 'varchar(80)'),
      column('last_name', 'varchar(80)'),
      column('email', 'varchar(255)'),
      optional('phone', 'varchar(40)'),
      optional('birth_date', 'date'),
      optional('address_line', 'varchar(200)'),
      optional('city', 'varchar(100)'),
      optional('postcode', 'varchar(20)'),
      optional('country', 'varchar(60)'),
      column('marketing_consent', 'tinyint(1)', { default: '0' }),
    ],
    { uniqueKeys: [['email']] },
  ),
  table('sellers', [
    serial('int'),
    column('name', 'varchar(120)'),
    column('email', 'varchar(255)'),
    optional('phone', 'varchar(40)'),
    optional('city', 'varchar(100)'),
    optional('country', 'varchar(60)'),
    optional('rating', 'decimal(3,2)'),
  ]),
  table(
    'products',
    [
      serial('int'),
      column('seller_id', 'int'),
      column('name', 'varchar(160)'),
      column('category', 'varchar(60)'),
      column('price', money),
      column('stock', 'int', { default: '0' }),
      column('active', 'tinyint(1)', { default: '1' }),
    ],
    { foreignKeys: [parent('sellers', 'seller_id')] },
  ),
  table(
    'orders',
    [
      serial('int'),
      column('customer_id', 'int'),
      column('status', "enum('placed','paid','shipped','delivered','cancelled','returned')", { default: "'placed'" }),
      column('currency', 'char(3)', { default: "'EUR'" }),
      column('discount', money, { default: "'0.00'" }),
      column('shipping', money, { default: "'0.00'" }),
      column('tax', money, { default: "'0.00'" }),
      column('placed_at', 'datetime(6)'),
    ],
    { foreignKeys: [parent('customers', 'customer_id')] },
  ),
  table(
    'order_items',
    [
      column('order_id', 'int'),
      column('line_no', 'smallint unsigned'),
      column('product_id', 'int'),
      column('quantity', 'int'),
      column('unit_price', money),
    ],
    { primaryKey: ['order_id', 'line_no'], foreignKeys: [parent('orders', 'order_id'), parent('products', 'product_id')] },
  ),
  table(
    'payments',
    [
      serial('int'),
      column('order_id', 'int'),
      column('method', "enum('card','paypal','bank_transfer','gift_card')"),
      column('amount', money),
      column('status', "enum('authorised','captured','failed','refunded')"),
      column('attempted_at', 'datetime(6)'),
    ],
    { foreignKeys: [parent('orders', 'order_id')] },
  ),
  table(
    'reasons',
    [
      serial('int'),
      column('order_id', 'int'),
      // NULL: the reason is about the whole order (a cancellation).
      optional('line_no', 'smallint unsigned'),
      column('kind', "enum('return','refund','cancel')"),
      column('reason', 'varchar(120)'),
      column('amount', money),
    ],
    {
      foreignKeys: [
        parent('orders', 'order_id'),
        { columns: ['order_id', 'line_no'], table: 'order_items', references: ['order_id', 'line_no'] },
      ],
    },
  ),
  table(
    'cart_events',
    [
      serial('bigint'),
      column('customer_id', 'int'),
      column('session_id', 'char(36)'),
      column('product_id', 'int'),
      column('action', "enum('add','remove')"),
      column('occurred_at', 'datetime(6)'),
    ],
    { foreignKeys: [parent('customers', 'customer_id'), parent('products', 'product_id')] },
  ),
  table(
    'touches',
    [
      serial('bigint'),
      column('customer_id', 'int'),
      column('channel', "enum('organic','email','search','social','affiliate','display')"),
      column('occurred_at', 'datetime(6)'),
    ],
    { foreignKeys: [parent('customers', 'customer_id')] },
  ),
]

/** The table of that name; throws on a name that is not the shop's. */
export function shopTable(name: string): Table {
  const found = shopTables.find(each => each.name === name)
  if (!found) throw new RangeError(`the shop has no table ${JSON.stringify(name)}`)
  return found
}

/** The statements that make the empty shop, in order; running them again changes nothing. */
export function createStatements(database = shopDatabase): string[] {
  return [
    `CREATE DATABASE IF NOT EXISTS ${quoted(database)} CHARACTER SET utf8mb4`,
    ...shopTables.map(table => createTable(table, database)),
  ]
}

/** `CREATE TABLE IF NOT EXISTS` of one table. */
export function createTable(table: Table, database = shopDatabase): string {
  const lines = [
    ...table.columns.map(columnClause),
    `PRIMARY KEY (${list(table.primaryKey)})`,
    ...table.uniqueKeys.map(columns => `UNIQUE KEY (${list(columns)})`),
    ...table.foreignKeys.map(
      ({ columns, table: to, references }) => `FOREIGN KEY (${list(columns)}) REFERENCES ${quoted(to)} (${list(references)})`,
    ),
  ]
  const name = `${quoted(database)}.${quoted(table.name)}`
  return `CREATE TABLE IF NOT EXISTS ${name} (\n  ${lines.join(',\n  ')}\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`
}

function columnClause({ name, type, nullable, default: value, autoIncrement, onUpdate }: Column): string {
  const parts = [quoted(name), type, nullable ? 'NULL' : 'NOT NULL']
  if (autoIncrement) parts.push('AUTO_INCREMENT')
  if (value !== undefined) parts.push(`DEFAULT ${value}`)
  if (onUpdate) parts.push(`ON UPDATE ${onUpdate}`)
  return parts.join(' ')
}

function list(names: readonly string[]): string {
  return names.map(quoted).join(', ')
}

function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}
