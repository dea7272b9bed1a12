import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Duck } from '../../../lake/duckdb.ts'
import { tableReferences } from '../../../sql/references.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open()
})
afterAll(() => duck.close())

describe('tableReferences', () => {
  it.each([
    ['select * from silver.orders o join gold.daily_sales using (id)', ['silver.orders', 'gold.daily_sales']],
    ['with orders as (select * from silver.orders) select * from orders, Orders', ['silver.orders']],
    ['select (select max(id) from gold.x), * from silver.a where id in (from bronze.b)', ['gold.x', 'silver.a', 'bronze.b']],
    ['describe silver.orders', ['silver.orders']],
    ['summarize silver.orders', ['silver.orders']],
    ['-- why\nexplain analyze select * from silver.orders', ['silver.orders']],
    ["pivot silver.orders on status in ('paid') using count(*)", ['silver.orders']],
    ['from silver."shop.orders"', ['silver.shop.orders']],
    ['select * from orders', ['.orders']],
    ['values (1)', []],
    ["select 'it''s from silver.nothing'", []],
  ])('%s', async (text, expected) => {
    const found = await tableReferences(duck, text)
    expect(found.map(({ schema, table }) => `${schema}.${table}`).sort()).toEqual([...expected].sort())
  })

  it.each([
    'insert into silver.orders values (1)',
    'delete from silver.orders',
    'drop view silver.orders',
    'create table x as select 1',
    "copy silver.orders to 'x.csv'",
    "attach 'x.db'",
    'set threads = 1',
    'install httpfs',
    'select 1; select 2',
    'show tables',
    'call pragma_version()',
  ])('refuses: %s', async text => {
    await expect(tableReferences(duck, text)).rejects.toMatchObject({ code: 'SQL_REFUSED' })
  })

  it('says where a syntax error is', async () => {
    await expect(tableReferences(duck, 'selec 1')).rejects.toMatchObject({
      code: 'SQL_INVALID',
      message: expect.stringContaining('"selec"'),
    })
  })
})
