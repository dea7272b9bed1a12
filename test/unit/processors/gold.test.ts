import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openStore } from '../../../connectors/open-store.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { Lakehouse } from '../../../lake/lakehouse.ts'
import { scan } from '../../../lake/scan.ts'
import { sql } from '../../../lake/sql.ts'
import { refreshGold } from '../../../processors/gold.ts'
import { type GoldModel, loadGoldModels } from '../../../sql/gold-models.ts'
import { multiplied } from '../multiplied.ts'
import { customerRfm, dailySales, revenueByCategory, type Shop, tableNames, writeSilver } from './gold-shop.ts'

const log = pino({ level: 'silent' })
const models = await loadGoldModels()

let folder: string
let duck: Duck
let lake: Lakehouse
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'binlake-gold-'))
  duck = await Duck.open({ threads: 1 })
  lake = new Lakehouse(await openStore(pathToFileURL(join(folder, 'lake')).href, { cacheDir: folder }))
})
afterEach(async () => {
  await duck.close()
  await rm(folder, { recursive: true, force: true })
})

const refresh = (of: readonly GoldModel[] = models) => refreshGold({ duck, lake, models: of, log })

async function rows(model: string): Promise<object[]> {
  const snapshot = await lake.current(`gold/${model}`)
  return duck.json(sql`SELECT * FROM ${await scan(lake.table(`gold/${model}`), snapshot!)}`)
}

const versions = async () =>
  Object.fromEntries(await Promise.all(models.map(async ({ name }) => [name, (await lake.current(`gold/${name}`))?.version])))

const unordered = (found: object[]) => found.map(row => JSON.stringify(row)).sort()

async function expectRecomputed(shop: Shop): Promise<void> {
  expect(unordered(await rows('daily_sales'))).toEqual(unordered(dailySales(shop)))
  expect(unordered(await rows('revenue_by_category'))).toEqual(unordered(revenueByCategory(shop)))
  expect(unordered(await rows('customer_rfm'))).toEqual(unordered(customerRfm(shop)))
}

const instant = fc
  .date({ min: new Date('2024-03-25T00:00:00Z'), max: new Date('2024-04-08T00:00:00Z'), noInvalidDate: true })
  .map(date => date.toISOString())
/** Few amounts, so that customers are equals. */
const cents = fc.constantFrom(0, 5, 100, 99_999)
const status = fc.constantFrom('placed', 'paid', 'shipped', 'delivered', 'cancelled', 'returned')

/** A shop over two weeks in which the clocks change. */
const shops: fc.Arbitrary<Shop> = fc
  .record({
    customers: fc.constantFrom(0, 11, 12),
    orders: fc.array(
      fc.record({
        customer: fc.nat(11),
        status,
        currency: fc.constantFrom('EUR', 'EUR', 'SEK'),
        discount: cents,
        placed_at: instant,
      }),
      { size: '+1', maxLength: 25 },
    ),
    items: fc.array(
      fc.record({
        order: fc.nat(24),
        product_id: fc.integer({ min: 1, max: 4 }),
        quantity: fc.integer({ min: 1, max: 2 }),
        unit_price: cents,
      }),
      { size: '+1', maxLength: 40 },
    ),
    reasons: fc.array(
      fc.record({ order: fc.nat(24), kind: fc.constantFrom('return', 'refund', 'cancel'), amount: cents, created_at: instant }),
      { size: '+1', maxLength: 8 },
    ),
    versions: fc.array(
      fc.record({
        id: fc.integer({ min: 1, max: 3 }),
        category: fc.constantFrom('books', 'toys', 'food'),
        _op: fc.constantFrom('c', 'u', 'u', 'd'),
        _valid_from: fc.oneof(fc.constant('2024-03-29T12:00:00.000Z'), instant),
      }),
      { size: '+1', minLength: 3, maxLength: 12 },
    ),
  })
  .map(({ customers, orders, items, reasons, versions: given }) => {
    const placed = <Row extends { order: number }>(list: Row[]) =>
      list.flatMap(({ order, ...row }) => (orders.length ? [{ ...row, order_id: (order % orders.length) + 1 }] : []))
    return {
      customers: Array.from({ length: customers }, (_, i) => ({ id: i + 1 })),
      orders: orders.map(({ customer, ...order }, i) => ({ id: i + 1, customer_id: customer + 1, ...order })),
      order_items: placed(items).map((item, i) => ({ line_no: i, ...item })),
      reasons: placed(reasons).map((reason, i) => ({ id: i + 1, ...reason })),
      products_history: given
        .sort((a, b) => a._valid_from.localeCompare(b._valid_from))
        .map((version, i) => ({ ...version, _seq: i + 1 })),
    }
  })

describe('refreshGold', () => {
  it('equals a plain recomputation, whatever came, changed, left or came late', { timeout: multiplied(120_000) }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(shops, { minLength: 2, maxLength: 3 }), async states => {
        for (const shop of states) {
          await writeSilver(duck, lake, shop)
          expect((await refresh()).failed).toEqual([])
          await expectRecomputed(shop)
        }
      }),
      { numRuns: multiplied(12), endOnFailure: true },
    )
  })

  const order = { id: 1, customer_id: 1, status: 'paid', currency: 'EUR', discount: 100, placed_at: '2024-03-30T23:30:00.000Z' }
  const small: Shop = {
    customers: [{ id: 1 }],
    orders: [order],
    order_items: [{ order_id: 1, line_no: 1, product_id: 1, quantity: 2, unit_price: 1250 }],
    reasons: [],
    products_history: [{ id: 1, category: 'toys', _op: 'c', _seq: 1, _valid_from: '2024-01-01T00:00:00.000Z' }],
  }

  it('books an order on the day of the shop’s clock', async () => {
    await writeSilver(duck, lake, small)
    await refresh()
    expect(await rows('daily_sales')).toEqual([
      {
        day: '2024-03-31',
        currency: 'EUR',
        orders: '1',
        units: '2',
        gross: '25.00',
        discounts: '1.00',
        returns: '0.00',
        net: '24.00',
      },
    ])
  })

  it('evaluates nothing while no input has a new version, in this process and in the next', async () => {
    await writeSilver(duck, lake, small)
    expect((await refresh()).committed.sort()).toEqual(models.map(({ name }) => name).sort())
    const before = await versions()
    expect(await refresh()).toEqual({ committed: [], unchanged: [], waiting: [], failed: [] })
    lake = new Lakehouse(lake.store)
    expect(await refresh()).toEqual({ committed: [], unchanged: [], waiting: [], failed: [] })
    expect(await versions()).toEqual(before)
  })

  it('commits nothing when the rows stay as they are', async () => {
    await writeSilver(duck, lake, small)
    await refresh()
    const before = await versions()
    await writeSilver(duck, lake, small)
    expect(await refresh()).toMatchObject({
      committed: [],
      unchanged: expect.arrayContaining(['daily_sales', 'customer_rfm', 'revenue_by_category']),
    })
    expect(await refresh()).toMatchObject({ committed: [], unchanged: [] })
    expect(await versions()).toEqual(before)
    // Another process does not know of the evaluation, repeats it and finds the same.
    lake = new Lakehouse(lake.store)
    expect((await refresh()).unchanged).toHaveLength(3)
    expect(await versions()).toEqual(before)
  })

  it('commits only the models whose rows change, and names the versions they were made of', async () => {
    await writeSilver(duck, lake, small)
    await refresh()
    const renamed = {
      ...small,
      products_history: [
        ...small.products_history,
        { id: 1, category: 'games', _op: 'u', _seq: 2, _valid_from: '2024-05-01T00:00:00.000Z' },
      ],
    }
    await writeSilver(duck, lake, renamed, ['products_history'])
    expect(await refresh()).toMatchObject({ committed: ['revenue_by_category'], unchanged: [] })
    expect(await rows('revenue_by_category')).toMatchObject([{ category_at_order: 'toys', category_now: 'games' }])
    const gold = (await lake.current('gold/revenue_by_category'))!
    const input = (await lake.current('silver/shop/products_history'))!
    expect(gold.txns.get(input.metaData.id)).toBe(BigInt(input.version))
  })

  it('empties a table when the last order leaves', async () => {
    await writeSilver(duck, lake, small)
    await refresh()
    await writeSilver(duck, lake, { ...small, orders: [], order_items: [] })
    await refresh()
    expect(await rows('daily_sales')).toEqual([])
    expect(await rows('customer_rfm')).toEqual([])
  })

  it('waits for inputs that are not there, and goes on when they arrive', async () => {
    await writeSilver(
      duck,
      lake,
      small,
      tableNames.filter(name => name !== 'reasons' && name !== 'products_history'),
    )
    const first = await refresh()
    expect(first.committed).toEqual(['shop_settings'])
    expect(first.waiting).toEqual(
      expect.arrayContaining([
        { model: 'daily_sales', missing: ['silver.reasons'] },
        { model: 'revenue_by_category', missing: ['silver.products_history'] },
      ]),
    )
    await writeSilver(duck, lake, small, ['reasons', 'products_history'])
    expect((await refresh()).waiting).toEqual([])
    await expectRecomputed(small)
  })

  async function own(files: Record<string, string>): Promise<GoldModel[]> {
    const place = await mkdtemp(join(folder, 'models-'))
    await mkdir(place, { recursive: true })
    for (const [name, text] of Object.entries(files)) await writeFile(join(place, `${name}.sql`), text)
    return loadGoldModels(place)
  }

  it('recomputes a model whose text changed, and those that read it', async () => {
    await refresh(await own({ a: 'SELECT 1 AS x', b: 'SELECT x + 1 AS y FROM gold.a' }))
    const summary = await refresh(await own({ a: 'SELECT 5 AS x', b: 'SELECT x + 1 AS y FROM gold.a' }))
    expect(summary.committed).toEqual(['a', 'b'])
    expect(await rows('b')).toEqual([{ y: 6 }])
  })

  it.each([
    ['SELECT sum(id) AS total FROM silver.orders', 'GOLD_TYPE_UNSUPPORTED', 'column total has type HUGEINT'],
    ['SELECT no_such_column FROM silver.orders', 'GOLD_MODEL_FAILED', 'no_such_column'],
    [
      "SELECT CAST(status AS INTEGER) AS x FROM silver.orders WHERE status = 'paid'",
      'GOLD_MODEL_FAILED',
      'a value does not fit (Conversion Error)',
    ],
  ])('reports %s and refreshes the others', async (text, code, reason) => {
    await writeSilver(duck, lake, small)
    const summary = await refresh(await own({ a: text, b: 'SELECT count(*) AS n FROM silver.orders' }))
    expect(summary).toMatchObject({ committed: ['b'], failed: [{ model: 'a', code, reason: expect.stringContaining(reason) }] })
    expect(summary.failed[0]!.reason).not.toContain('paid')
  })

  it('takes a time without zone for UTC and keeps every other type', async () => {
    await refresh(
      await own({
        a: "SELECT TIMESTAMP '2024-07-01 12:00:00' AS t, 1::UTINYINT AS u, 1.5::DECIMAL(18,2) AS d, [1::TINYINT] AS l, NULL::DATE AS n",
      }),
    )
    const snapshot = (await lake.current('gold/a'))!
    expect(snapshot.fields.map(({ type }) => type)).toEqual([
      'timestamp',
      'short',
      'decimal(18,2)',
      { type: 'array', elementType: 'byte', containsNull: true },
      'date',
    ])
    expect(await rows('a')).toEqual([{ t: '2024-07-01 12:00:00+00', u: 1, d: '1.50', l: [1], n: null }])
  })

  it('leaves no view behind', async () => {
    await writeSilver(duck, lake, small)
    await refresh()
    const left = await duck.rows(sql`SELECT schema_name FROM duckdb_schemas() WHERE schema_name IN ('silver', 'gold')`)
    expect(left).toEqual([])
  })
})
