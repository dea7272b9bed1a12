import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openLocalStore } from '../../../connectors/local-store.ts'
import { openEngine, type QueryEngine } from '../../../sql/engine.ts'
import { toJson } from '../../../sql/values.ts'
import { type SmallLake, shopLake } from './small-lake.ts'

let lake: SmallLake
let engine: QueryEngine
beforeAll(async () => {
  lake = await shopLake()
  engine = openEngine(lake.store)
})
afterAll(() => lake[Symbol.asyncDispose]())

async function gathered<T>(blocks: AsyncIterable<T[]>): Promise<T[]> {
  const all: T[] = []
  for await (const block of blocks) all.push(...block)
  return all
}

async function rows(text: string): Promise<unknown[][]> {
  await using result = await engine.query(text)
  return gathered(result.rows(toJson))
}

describe('names', () => {
  it('are zone and table, or zone and database with table', async () => {
    expect(await rows('select count(*) from silver.orders')).toEqual([[2]])
    expect(await rows('select count(*) from Silver.Orders a join silver.orders b using (id)')).toEqual([[2]])
    expect(await rows('select count(*) from silver."shop.orders"')).toEqual([[2]])
    expect(await rows('select net from gold.daily_sales')).toEqual([[12.5]])
  })

  it('need the database where two share a table name', async () => {
    await expect(rows('select * from silver.customers')).rejects.toMatchObject({
      code: 'SQL_UNKNOWN_TABLE',
      message: expect.stringContaining('silver."outlet.customers" or silver."shop.customers"'),
    })
    expect(await rows('select s.name, o.name from silver."shop.customers" s, silver."outlet.customers" o')).toEqual([
      ['tok_v1_x', 'tok_v1_y'],
    ])
  })

  it.each([
    ['select * from silver.ordres', 'silver.ordres: no such table in the lake; did you mean silver.orders'],
    ['select * from orders', 'orders: tables are named with their zone; did you mean bronze.orders or silver.orders?'],
    ['select * from gold.nothing_like_it', 'list the tables with `binlake tables`'],
  ])('unknown: %s', async (text, message) => {
    await expect(rows(text)).rejects.toMatchObject({ code: 'SQL_UNKNOWN_TABLE', message: expect.stringContaining(message) })
  })
})

describe('values', () => {
  it('are exact: numbers as far as JSON readers keep them, text beyond', async () => {
    expect(await rows('select id, total, placed_at from silver.orders order by id')).toEqual([
      [1, 12.5, '2026-01-01 10:00:00+00'],
      ['9007199254740993', (12345678901234.56).toFixed(2), null],
    ])
  })
})

describe('history', () => {
  it('says until when a version held, and which one is current', async () => {
    expect(await rows('select id, _op, _valid_to, _is_current from silver.orders_history order by id, _seq')).toEqual([
      [1, 'c', '2026-01-01 10:00:00+00', false],
      [1, 'u', null, true],
      [2, 'c', '2026-01-03 00:00:00+00', false],
      [2, 'd', null, false],
    ])
  })
})

describe('safety', () => {
  it.each([
    ["select * from read_text('/etc/hostname')", 'SQL_REFUSED'],
    ["select * from read_csv('/etc/passwd')", 'SQL_REFUSED'],
    ["select * from '/etc/passwd.csv'", 'SQL_UNKNOWN_TABLE'],
    ["select * from glob('/etc/*')", 'SQL_REFUSED'],
    ["copy silver.orders to '/tmp/x.csv'", 'SQL_REFUSED'],
    ['drop view silver.orders', 'SQL_REFUSED'],
    ["select status::int from silver.orders where status = 'paid'", 'SQL_FAILED'],
    ['select no_such_column from silver.orders', 'SQL_INVALID'],
  ])('%s gives %s', async (text, code) => {
    await expect(rows(text)).rejects.toMatchObject({ code })
  })

  it('sees only the zones it is given', async () => {
    const narrow = openEngine(lake.store, { zones: ['silver', 'gold'] })
    await expect(narrow.query('select * from bronze.orders')).rejects.toMatchObject({ code: 'SQL_UNKNOWN_TABLE' })
    const files = (await engine.snapshot((await engine.tables()).find(table => table.path === 'bronze/shop/orders')!))!.files
    const file = `${lake.folder}/bronze/shop/orders/${[...files.keys()][0]}`
    await expect(narrow.query(`select count(*) from read_parquet('${file}'), silver.orders`)).rejects.toMatchObject({
      code: 'SQL_REFUSED',
    })
  })
})

describe('stopping', () => {
  const endless = 'select a.range * b.range % 7 from range(100000000) a, range(100000) b'

  it('gives SQL_TIMEOUT, whether before the first row or between rows', async () => {
    await expect(engine.query(`select count(*) from (${endless})`, { timeout: 100 })).rejects.toMatchObject({
      code: 'SQL_TIMEOUT',
    })
    await using slow = await engine.query(endless, { timeout: 200 })
    await expect(drained(slow.rows(toJson))).rejects.toMatchObject({ code: 'SQL_TIMEOUT' })
  })

  it('gives an AbortError when cancelled', async () => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 100)
    await expect(engine.query(`select count(*) from (${endless})`, { signal: controller.signal })).rejects.toMatchObject({
      name: 'AbortError',
    })
    await expect(engine.query('select 1', { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
    for (const delay of [0, 1, 30, 60]) {
      const sooner = AbortSignal.timeout(delay)
      const query = engine.query(`select count(*) from (${endless})`, { signal: sooner })
      await expect(query).rejects.toMatchObject({ name: 'AbortError' })
    }
  })
})

describe('places', () => {
  it('a folder whose name DuckDB would take for a pattern', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'binlake-[a]*?-'))
    try {
      cpSync(lake.folder, folder, { recursive: true })
      await using result = await openEngine(await openLocalStore(folder)).query('select count(*) from silver.orders')
      expect(await gathered(result.rows(toJson))).toEqual([[2]])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('a version whose files are gone', () => {
  it('is named, with the retention, not taken for damage alone', async () => {
    await lake.append('gold/old', { n: 'long' }, 'SELECT 1 AS n')
    const [table] = (await engine.tables()).filter(({ path }) => path === 'gold/old')
    const [file] = (await engine.snapshot(table!))!.files.keys()
    rmSync(`${lake.folder}/gold/old/${file}`)
    await expect(rows('from gold.old')).rejects.toMatchObject({
      code: 'STORE_MISSING',
      message: expect.stringContaining('version 0 of gold/old; files that a newer version replaced are vacuumed'),
    })
  })
})

describe('freshness', () => {
  it('a later query sees a later commit, and a table that came since', async () => {
    await lake.append('gold/fresh', { n: 'long' }, 'SELECT 1 AS n')
    expect(await rows('select sum(n) from gold.fresh')).toEqual([[1]])
    await lake.append('gold/fresh', { n: 'long' }, 'SELECT 2 AS n')
    expect(await rows('select sum(n) from gold.fresh')).toEqual([[3]])
  })
})

async function drained(blocks: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of blocks);
}
