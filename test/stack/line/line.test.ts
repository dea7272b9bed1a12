// The whole line on real servers: a shop writes to MySQL, binlake follows, and the lake is proven equal, masked and readable by others.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Duck } from '../../../lake/duckdb.ts'
import { Lakehouse } from '../../../lake/lakehouse.ts'
import { scan } from '../../../lake/scan.ts'
import { sql } from '../../../lake/sql.ts'
import { generate } from '../../../shop/generate.ts'
import { Engines } from '../../interop/engines/engines.ts'
import { startEngineServer } from '../../interop/engines/server.ts'
import { openShopLine, type ShopLine } from './shop-line.ts'

const canary = 'Canary.Bird+planted@aviary.example'
let line: ShopLine
let duck: Duck
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'binlake-line-test-'))
  duck = await Duck.open()
  line = await openShopLine()
  await generate({ mysqlUrl: line.mysqlUrl }, { seed: 7, customers: 60, orders: 300, rate: 0, canary })
})
afterAll(async () => {
  await line?.close()
  await duck?.close()
  await rm(folder, { recursive: true, force: true })
})

async function rows<Row>(query: string): Promise<Row[]> {
  const { code, stdout, stderr } = await line.binlake('sql', query, '--json')
  expect(stderr).toBe('')
  expect(code).toBe(0)
  return JSON.parse(stdout) as Row[]
}

/** Bronze holds each record once, and history each change. */
async function expectOnce(table: string): Promise<void> {
  const [bronze] = await rows<{ n: number; distinct_n: number }>(
    `select count(*) as n, count(distinct (_partition, _offset)) as distinct_n from bronze.${table}`,
  )
  expect(bronze!.n, table).toBe(bronze!.distinct_n)
  const [history] = await rows<{ doubled: number }>(
    `select count(*)::integer as doubled from (select _partition, _offset from silver.${table}_history where _op <> 't' group by all having count(*) > 1)`,
  )
  expect(history!.doubled, table).toBe(0)
}

test('silver equals MySQL, table by table', async () => {
  const { equal, tables } = await line.settle()
  expect(equal).toBe(true)
  // A few orders go with customers who asked to be deleted.
  expect(tables.find(({ table }) => table.endsWith('.orders'))!.rows.silver).toBeGreaterThan(250)
  expect(tables.filter(({ rows }) => rows.source > 0).length).toBeGreaterThanOrEqual(8)
})

test('bronze holds each record once, and silver and gold answer', async () => {
  const [bronze] = await rows<{ n: number; distinct_n: number }>(
    'select count(*) as n, count(distinct (_partition, _offset)) as distinct_n from bronze.orders',
  )
  expect(bronze!.n).toBe(bronze!.distinct_n)
  expect(Number(bronze!.n)).toBeGreaterThan(300)
  const [sales] = await rows<{ orders: number }>('select sum(orders)::integer as orders from gold.daily_sales')
  expect(sales!.orders).toBeGreaterThan(0)
  const [history] = await rows<{ live: number; current: number }>(
    'select (select count(*) from silver.orders)::integer as live, (select count(*) from silver.orders_history where _is_current)::integer as current',
  )
  expect(history!.live).toBe(history!.current)
})

test('no address leaves bronze: not in rows, statistics, logs or names', async () => {
  const [masked] = await rows<{ n: number; tokens: number }>(
    "select count(*)::integer as n, count(*) filter (email like 'tok\\_v1\\_%' escape '\\')::integer as tokens from silver.customers",
  )
  expect(masked!.tokens).toBe(masked!.n)
  const lake = new Lakehouse(line.store)
  const needles = [
    canary,
    canary.toLowerCase(),
    Buffer.from(canary).toString('base64').slice(0, -4),
    encodeURIComponent(canary),
    Buffer.from(canary).toString('hex'),
  ]
  let looked = 0
  for (const zone of ['silver', 'gold', 'quarantine']) {
    for await (const { path } of line.store.list(`${zone}/`)) {
      looked++
      expect(path).not.toContain('aviary')
      const bytes = (await line.store.get(path))!
      for (const needle of needles) expect(bytes.includes(needle), `${path} holds the planted address`).toBe(false)
      if (!path.endsWith('.parquet') || path.includes('_delta_log')) continue
      // Compressed pages hide text from a search of bytes, so every value is read too.
      const found = await duck.rows(
        sql`SELECT 1 FROM (SELECT to_json(t)::VARCHAR AS row_text FROM read_parquet(${await line.store.fetch(path)}) AS t) WHERE contains(lower(row_text), 'aviary')`,
      )
      expect(found, `${path} holds the planted address in a row`).toEqual([])
    }
  }
  expect(looked).toBeGreaterThan(30)
  // The search finds what is there: bronze has it, verbatim.
  const bronze = (await lake.current(`bronze/${line.database}/customers`))!
  const held = await scan(lake.table(`bronze/${line.database}/customers`), bronze)
  expect(await duck.rows(sql`SELECT 1 FROM ${held} WHERE contains(_value, ${canary}) LIMIT 1`)).toHaveLength(1)
})

test('delta-rs, DuckDB and polars read bronze, silver and gold as binlake does', async () => {
  const database = line.database
  await using server = await startEngineServer()
  using engines = await Engines.connect(server.address)
  for (const [path, name] of [
    [`bronze/${database}/payments`, 'bronze.payments'],
    [`silver/${database}/orders`, 'silver.orders'],
    [`silver/${database}/orders_history`, 'silver.orders_history'],
    ['gold/daily_sales', 'gold.daily_sales'],
  ] as const) {
    for await (const { path: object } of line.store.list(`${path}/`)) {
      await mkdir(dirname(join(folder, object)), { recursive: true })
      await writeFile(join(folder, object), (await line.store.get(object))!)
    }
    const seen = []
    for (const engine of ['deltalake', 'duckdb', 'polars'] as const) {
      const { rows } = await engines.read(engine, join(folder, path))
      seen.push(rows.map(row => JSON.stringify(row)).sort())
    }
    const [own] = await rows<{ n: number }>(`select count(*)::integer as n from ${name}`)
    expect(seen[0]!.length, path).toBe(own!.n)
    expect(seen.slice(1), path).toEqual([seen[0], seen[0]])
  }
})

test('killed ten times at random while the shop writes, it comes out equal, each record once', async () => {
  const enough = new AbortController()
  const shop = { seed: 8, customers: 40, orders: 600, rate: 60, canary }
  const writing = generate({ mysqlUrl: line.mysqlUrl }, shop, { signal: enough.signal })
  let random = 12345
  for (let kills = 0; kills < 10; kills++) {
    const { child, finished, joined } = line.start('run')
    await joined
    random = (random * 1_103_515_245 + 12_345) % 2_147_483_648
    setTimeout(() => child.kill('SIGKILL'), random % 4_000)
    expect((await finished).signal).toBe('SIGKILL')
  }
  enough.abort()
  expect((await writing).transactions).toBeGreaterThan(100)
  expect((await line.settle()).equal).toBe(true)
  for (const table of ['customers', 'orders', 'order_items', 'payments', 'cart_events']) await expectOnce(table)
})

test('two workers share the tables; one is killed, the other takes over, and nothing is lost or doubled', async () => {
  const [first, second] = [line.start('run'), line.start('run')]
  await generate({ mysqlUrl: line.mysqlUrl }, { seed: 9, customers: 20, orders: 150, rate: 60, canary })
  first.child.kill('SIGKILL')
  await generate({ mysqlUrl: line.mysqlUrl }, { seed: 10, customers: 20, orders: 100, rate: 60, canary })
  second.child.kill('SIGINT')
  expect((await second.finished).code).toBe(0)
  expect((await line.settle()).equal).toBe(true)
  for (const table of ['orders', 'order_items', 'payments']) await expectOnce(table)
})

test('a table emptied by TRUNCATE is empty in silver, and its history says so', async () => {
  const connection = await createConnection(line.mysqlUrl)
  const [before] = await rows<{ n: number }>('select count(*)::integer as n from silver.touches')
  expect(before!.n).toBeGreaterThan(0)
  await connection.query('TRUNCATE TABLE touches')
  await connection.end()
  expect((await line.settle()).equal).toBe(true)
  const [after] = await rows<{ n: number; ended: number }>(
    "select (select count(*) from silver.touches)::integer as n, (select count(*) from silver.touches_history where _op = 't')::integer as ended",
  )
  expect(after).toEqual({ n: 0, ended: before!.n })
})

test('a rebuild from bronze gives the same silver, byte for byte of its values', async () => {
  const digest = async (table: string) =>
    (await rows<{ h: string }>(`select sum(hash(t)::hugeint)::varchar as h from silver.${table} as t`))[0]!.h
  const tables = ['customers', 'orders', 'orders_history', 'payments', 'touches_history']
  const before = await Promise.all(tables.map(digest))
  const proof = await line.binlake('replay', '--prove', '--json')
  expect(proof.code, proof.stderr).toBe(0)
  const verdicts = (JSON.parse(proof.stdout) as { verdict: string }[]).map(({ verdict }) => verdict)
  expect(verdicts.length).toBeGreaterThanOrEqual(8)
  expect(new Set(verdicts)).toEqual(new Set(['identical']))
  const { code, stderr } = await line.binlake('replay')
  expect(stderr).not.toContain('error')
  expect(code).toBe(0)
  expect(await Promise.all(tables.map(digest))).toEqual(before)
  expect((await line.settle()).equal).toBe(true)
})
