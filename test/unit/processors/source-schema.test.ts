import { describe, expect, it } from 'vitest'
import { SchemaChangeMalformed, tableChanges } from '../../../processors/source-schema.ts'

const columns = [
  {
    name: 'status',
    jdbcType: 1,
    nativeType: null,
    typeName: 'ENUM',
    typeExpression: 'ENUM',
    charsetName: 'utf8mb4',
    length: 1,
    scale: null,
    position: 2,
    optional: true,
    autoIncremented: false,
    generated: false,
    comment: null,
    enumValues: ["'placed'", "'it''s paid'"],
  },
  {
    name: 'id',
    jdbcType: 4,
    nativeType: null,
    typeName: 'INT UNSIGNED',
    typeExpression: 'INT UNSIGNED',
    charsetName: null,
    length: null,
    scale: null,
    position: 1,
    optional: false,
    autoIncremented: true,
    generated: true,
    comment: null,
  },
  {
    name: 'total',
    jdbcType: 3,
    nativeType: null,
    typeName: 'DECIMAL',
    typeExpression: 'DECIMAL',
    charsetName: null,
    length: 12,
    scale: 2,
    position: 3,
    optional: true,
    autoIncremented: false,
    generated: false,
    comment: null,
  },
]
const table = { defaultCharsetName: 'utf8mb4', primaryKeyColumnNames: ['id'], columns, comment: null }

function event(change: Record<string, unknown>, more: Record<string, unknown> = {}) {
  return { source: {}, ts_ms: 1, databaseName: 'shop', schemaName: null, ddl: '', tableChanges: [change], ...more }
}

describe('tableChanges', () => {
  it('reads a table as Debezium describes it, columns in table order', () => {
    expect(tableChanges(event({ type: 'CREATE', id: '"shop"."orders"', table }))).toEqual([
      {
        type: 'CREATE',
        database: 'shop',
        table: 'orders',
        schema: {
          database: 'shop',
          table: 'orders',
          primaryKey: ['id'],
          columns: [
            { name: 'id', typeName: 'INT UNSIGNED', optional: false, position: 1 },
            {
              name: 'status',
              typeName: 'ENUM',
              optional: true,
              position: 2,
              length: 1,
              charset: 'utf8mb4',
              enumValues: ['placed', "it's paid"],
            },
            { name: 'total', typeName: 'DECIMAL', optional: true, position: 3, length: 12, scale: 2 },
          ],
        },
      },
    ])
  })

  it('reads the same from an event wrapped in schema and payload', () => {
    const plain = event({ type: 'ALTER', id: '"shop"."orders"', table })
    expect(tableChanges({ schema: { type: 'struct' }, payload: plain })).toEqual(tableChanges(plain))
  })

  it('gives nothing for statements that touch no table', () => {
    expect(tableChanges({ ddl: 'SET character_set_server=utf8mb4', tableChanges: [] })).toEqual([])
    expect(tableChanges({ ddl: 'CREATE DATABASE shop' })).toEqual([])
  })

  it('reads a dropped table without a schema', () => {
    expect(tableChanges(event({ type: 'DROP', id: '"shop"."orders"', table: null }))).toEqual([
      { type: 'DROP', database: 'shop', table: 'orders' },
    ])
  })

  it.each([
    ['"sh""op"."a.b,c"', { database: 'sh"op', table: 'a.b,c' }],
    ['shop.orders', { database: 'shop', table: 'orders' }],
    ['"orders"', { database: 'shop', table: 'orders' }],
  ])('reads the id %s', (id, name) => {
    expect(tableChanges(event({ type: 'DROP', id, table: null }))).toEqual([{ type: 'DROP', ...name }])
  })

  it.each([
    ['"shop"."old","shop"."new"', ''],
    ['"shop"."new"', 'RENAME TABLE `shop`.`old` TO `shop`.`new`'],
    ['"shop"."new"', 'rename table old to new'],
    ['"shop"."new"', 'ALTER TABLE `old` ADD COLUMN x int, RENAME TO `new`'],
    ['"shop"."new"', 'ALTER TABLE /* why */ old RENAME new;'],
    ['"shop"."new"', 'ALTER IGNORE TABLE IF EXISTS shop.old RENAME AS `shop`.`new`'],
    ['"shop"."new"', '/* a tool says so */ RENAME TABLE shop.old TO shop.new'],
    ['"shop"."new"', 'RENAME TABLE other TO another, `old` TO `new`'],
    ['"shop"."new"', 'RENAME TABLE IF EXISTS old WAIT 5 TO new'],
  ])('knows the former name of a renamed table: %s %s', (id, ddl) => {
    const [change] = tableChanges(event({ type: 'ALTER', id, table }, { ddl }))
    expect(change).toMatchObject({ table: 'new', previous: { database: 'shop', table: 'old' } })
  })

  it.each([
    'ALTER TABLE `shop`.`orders` RENAME COLUMN a TO b',
    'ALTER TABLE /* c */ orders RENAME COLUMN a TO b',
    'ALTER TABLE IF EXISTS orders RENAME INDEX a TO b, RENAME KEY c TO d',
    "ALTER TABLE orders COMMENT 'RENAME TO x'",
    'ALTER ONLINE TABLE "orders" CHANGE a `RENAME` INT',
  ])('sees no rename where a column or an index is renamed: %s', ddl => {
    expect(tableChanges(event({ type: 'ALTER', id: '"shop"."orders"', table }, { ddl }))[0]).not.toHaveProperty('previous')
  })

  it.each([
    null,
    'text',
    event({ type: 'REPLACE', id: '"shop"."orders"' }),
    event({ type: 'ALTER', id: '' }),
    event({ type: 'ALTER', id: '"shop"."orders' }),
    event({ type: 'ALTER', id: '"shop"."orders"', table: { columns: 'none' } }),
  ])('refuses what Debezium does not write: %j', value => {
    expect(() => tableChanges(value)).toThrow(SchemaChangeMalformed)
  })
})
