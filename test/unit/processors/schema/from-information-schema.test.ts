import { expect, it } from 'vitest'
import { changesBetween } from '../../../../processors/schema/changes-between.ts'
import { tableOf } from '../../../../processors/schema/from-information-schema.ts'
import { tableChanges } from '../../../../processors/source-schema.ts'

const name = { database: 'shop', table: 't' }
const rows = [
  ['id', '1', 'NO', 'bigint unsigned', null],
  ['v', '2', 'YES', 'varchar(20)', 'utf8mb4'],
  ['e', '3', 'YES', "enum('a','it''s')", 'utf8mb4'],
  ['d', '4', 'YES', 'decimal(12,2)', null],
  ['n', '5', 'YES', 'int(11)', null],
  ['at', '6', 'YES', 'datetime(3)', null],
]

it('reads a table as MySQL describes it', () => {
  expect(tableOf(name, rows, [['id']])).toEqual({
    ...name,
    primaryKey: ['id'],
    columns: [
      { name: 'id', typeName: 'BIGINT UNSIGNED', optional: false, position: 1 },
      { name: 'v', typeName: 'VARCHAR', optional: true, position: 2, length: 20, charset: 'utf8mb4' },
      { name: 'e', typeName: 'ENUM', optional: true, position: 3, enumValues: ['a', "it's"], charset: 'utf8mb4' },
      { name: 'd', typeName: 'DECIMAL', optional: true, position: 4, length: 12, scale: 2 },
      { name: 'n', typeName: 'INT', optional: true, position: 5, length: 11 },
      { name: 'at', typeName: 'DATETIME', optional: true, position: 6, length: 3 },
    ],
  })
  expect(tableOf(name, [], [])).toBeUndefined()
})

it('agrees with Debezium’s description of the same table', () => {
  const column = (name: string, typeName: string, position: number, more: object = {}) => ({
    name,
    typeName,
    position,
    optional: name !== 'id',
    ...more,
  })
  const columns = [
    column('id', 'BIGINT UNSIGNED', 1),
    column('v', 'VARCHAR', 2, { length: 20, charsetName: 'utf8mb4' }),
    column('e', 'ENUM', 3, { length: 1, charsetName: 'utf8mb4', enumValues: ["'a'", "'it''s'"] }),
    column('d', 'DECIMAL', 4, { length: 12, scale: 2 }),
    column('n', 'INT', 5),
    column('at', 'DATETIME', 6, { length: 3 }),
  ]
  const change = { type: 'CREATE', id: '"shop"."t"', table: { primaryKeyColumnNames: ['id'], columns } }
  const before = tableChanges({ databaseName: 'shop', ddl: '', tableChanges: [change] })[0]!.schema!
  expect(changesBetween({ before, now: tableOf(name, rows, [['id']])!, ddls: [], snapshot: true })).toEqual([])
})
