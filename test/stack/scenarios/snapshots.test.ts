// Snapshots and whole transactions on real servers: asked for while others write, cut off, swept; gold between the commits.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStore } from '../../../connectors/open-store.ts'
import { connectRequest } from '../../../infra/debezium/connect-api.ts'
import { ensureConnector } from '../../../infra/debezium/connector.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { Lakehouse } from '../../../lake/lakehouse.ts'
import { scan } from '../../../lake/scan.ts'
import { sql } from '../../../lake/sql.ts'
import { refreshGold } from '../../../processors/gold.ts'
import type { GoldModel } from '../../../sql/gold-models.ts'
import { type OwnLine, openOwnLine } from './own-line.ts'

const columns: Record<string, readonly string[]> = {
  items: ['id', 'v'],
  emptied: ['id', 'v'],
  cleared: ['id', 'v'],
  later: ['id', 'v'],
  orders: ['id', 'parts'],
  parts: ['id', 'order_id'],
  dbz_signal: ['id', 'type', 'data'],
}
const policy = `version: 1
tables:
${Object.entries(columns)
  .map(([table, names]) => [`  ${table}:`, ...names.map(name => `    ${name}: {class: operational, strategy: keep}`)].join('\n'))
  .join('\n')}
`
const rows = (table: string, count: number) =>
  `INSERT INTO ${table} WITH RECURSIVE s AS (SELECT 1 i UNION ALL SELECT i + 1 FROM s WHERE i < ${count}) SELECT i, concat('v', i) FROM s`
const captured = ['items', 'emptied', 'cleared', 'orders', 'parts']
const included = (database: string, tables: readonly string[]) => ({
  'table.include.list': `${database}\\.(${tables.join('|')})`,
  'incremental.snapshot.chunk.size': '50',
})

let line: OwnLine
const query = async (...statements: string[]) => {
  for (const statement of statements) await line.mysql.query(statement)
}
/** Changes that no binlog tells of. */
const unlogged = (...statements: string[]) => line.asRoot('SET SESSION sql_log_bin = 0', `USE ${line.database}`, ...statements)
const equalNow = async (...tables: string[]) => {
  const { tables: found } = await line.settle()
  const asked = found.filter(({ table }) => tables.includes(table.split('.')[1]!))
  expect(asked.map(({ table, rows, ...rest }) => ({ table, ...rest, same: rows.source === rows.silver }))).toEqual(
    asked.map(({ table }) => expect.objectContaining({ table, equal: true, same: true })),
  )
  expect(asked).toHaveLength(tables.length)
  const proven = await line.binlake('replay', '--prove', ...tables.map(table => `${line.database}.${table}`))
  expect(proven.code, proven.stdout + proven.stderr).toBe(0)
}

beforeAll(async () => {
  line = await openOwnLine(
    [
      ...['items', 'emptied', 'cleared'].map(table => `CREATE TABLE ${table} (id INT PRIMARY KEY, v VARCHAR(20))`),
      'CREATE TABLE orders (id INT PRIMARY KEY, parts INT NOT NULL)',
      'CREATE TABLE parts (id INT PRIMARY KEY, order_id INT NOT NULL)',
      rows('items', 600),
      rows('emptied', 20),
      rows('cleared', 20),
    ],
    { policy, connector: database => included(database, captured) },
  )
  await line.asRoot(`GRANT CREATE, INSERT, UPDATE, DELETE ON ${line.database}.dbz_signal TO 'debezium'@'%'`)
}, 240_000)
afterAll(() => line?.close(), 120_000)

test('an incremental snapshot while others write: the keys that changed within its windows stay as the stream has them', async () => {
  let writing = true
  const writer = (async () => {
    // No faster than a connector on a busy machine can follow.
    for (let n = 0; writing; n++, await sleep(20)) {
      await query(`UPDATE items SET v = 'n${n}' WHERE id = ${(n * 37) % 600}`)
      if (n % 10 === 0)
        await query(`DELETE FROM items WHERE id = ${n % 600}`, `REPLACE INTO items VALUES (${n % 600}, 'back${n}')`)
    }
  })()
  const asked = await line.binlake('snapshot', 'items', '--json')
  writing = false
  await writer
  expect(asked.code, asked.stderr).toBe(0)
  expect(JSON.parse(asked.stdout).tables).toMatchObject([{ table: `${line.database}.items`, status: 'SUCCEEDED' }])
  await equalNow('items')
  // What was read and is as it was, made no version.
  const again = await line.rows<{ n: number }>(
    "SELECT count(*) AS n FROM (SELECT v, lag(v) OVER (PARTITION BY id ORDER BY _seq) AS before, _op FROM silver.items_history) WHERE _op = 'r' AND v = before",
  )
  expect(Number(again[0]!.n)).toBe(0)
}, 240_000)

test('an incremental snapshot of some rows brings back what silver lost', async () => {
  await unlogged("UPDATE items SET v = 'unseen' WHERE id BETWEEN 10 AND 12")
  const asked = await line.binlake('snapshot', 'items', '--where', 'id BETWEEN 10 AND 20', '--json')
  expect(asked.code, asked.stderr).toBe(0)
  expect(JSON.parse(asked.stdout).tables[0].rows).toBe(11)
  await equalNow('items')
}, 240_000)

test('a connector that starts anew within an incremental snapshot goes on with it', async () => {
  await unlogged("UPDATE items SET v = 'unseen too' WHERE id > 300")
  const [signals] = await line.mysql.query("SELECT 1 FROM dbz_signal WHERE type = 'execute-snapshot'")
  const before = (signals as unknown[]).length
  const asked = line.binlake('snapshot', 'items', '--json')
  const asking = async () => {
    const [found] = await line.mysql.query("SELECT 1 FROM dbz_signal WHERE type = 'execute-snapshot'")
    return (found as unknown[]).length > before
  }
  while (!(await asking())) await sleep(50)
  await connectRequest(line.connectUrl, `/connectors/${line.connector}/restart?includeTasks=true`, { method: 'POST' })
  const { code, stdout, stderr } = await asked
  expect(code, stderr).toBe(0)
  expect(JSON.parse(stdout).tables[0].status).toBe('SUCCEEDED')
  await equalNow('items')
}, 240_000)

test('a full snapshot sweeps rows that went without a word, also the last ones of a table', async () => {
  await unlogged('DELETE FROM items WHERE id IN (7, 8)', 'DELETE FROM emptied')
  const asked = await line.binlake('snapshot', 'items', 'emptied', '--full')
  expect(asked.code, asked.stderr).toBe(0)
  await equalNow('items', 'emptied')
  const swept = await line.rows<{ id: number }>("SELECT id FROM silver.items_history WHERE _snapshot = 'sweep' ORDER BY id")
  expect(swept).toEqual([{ id: 7 }, { id: 8 }])
  const counts = await line.rows<{ live: number; swept: number }>(
    "SELECT (SELECT count(*) FROM silver.emptied) AS live, count(*) AS swept FROM silver.emptied_history WHERE _snapshot = 'sweep'",
  )
  expect(counts.map(({ live, swept }) => [Number(live), Number(swept)])).toEqual([[0, 20]])
  // And goes on as before.
  await query("INSERT INTO emptied VALUES (3, 'next')", "INSERT INTO items VALUES (7, 'back')")
  await equalNow('items', 'emptied')
}, 240_000)

test('a truncate ends all rows, and the table goes on', async () => {
  await query('TRUNCATE TABLE cleared', "INSERT INTO cleared VALUES (3, 'after')")
  await equalNow('cleared')
  const ended = await line.rows<{ n: number }>("SELECT count(*) AS n FROM silver.cleared_history WHERE _op = 't'")
  expect(Number(ended[0]!.n)).toBe(20)
}, 120_000)

test('gold between the commits of concurrent transactions shows orders with all of their parts', async () => {
  const model = {
    name: 'torn',
    hash: 'torn',
    text: `SELECT count(*) AS orders, count(*) FILTER (o.parts <> coalesce(p.parts, 0)) AS torn FROM silver.orders o
      LEFT JOIN (SELECT order_id, count(*) AS parts FROM silver.parts GROUP BY ALL) p ON o.id = p.order_id`,
    inputs: [
      { schema: 'silver', table: 'orders' },
      { schema: 'silver', table: 'parts' },
    ],
  } as unknown as GoldModel
  const folder = await mkdtemp(join(tmpdir(), 'binlake-torn-'))
  const store = await openStore(line.lakeUrl, { cacheDir: folder })
  const lake = new Lakehouse(store)
  await using duck = await Duck.open({ threads: 1 })
  const look = async () => {
    await refreshGold({ duck, lake, models: [model], log: pino({ level: 'silent' }), transactions: { patienceMs: 120_000 } })
    const snapshot = await lake.current('gold/torn')
    if (!snapshot) return undefined
    const row = await duck.row<{ orders: bigint; torn: bigint }>(
      sql`SELECT * FROM ${await scan(lake.table('gold/torn'), snapshot)}`,
    )
    return { orders: Number(row!.orders), torn: Number(row!.torn) }
  }
  let writing = true
  const run = line.start('run')
  let orders = 0
  let seen = 0
  try {
    const [least, most] = [Date.now() + 25_000, Date.now() + 100_000]
    const writer = (async () => {
      for (; writing; orders++, await sleep(20)) {
        const parts = 1 + (orders % 4)
        await query('START TRANSACTION', `INSERT INTO orders VALUES (${orders}, ${parts})`)
        for (let i = 0; i < parts; i++) await query(`INSERT INTO parts VALUES (${orders * 10 + i}, ${orders})`)
        await query('COMMIT')
      }
    })()
    for (; Date.now() < least || (seen === 0 && Date.now() < most); await sleep(50)) {
      const found = await look()
      if (!found) continue
      expect(found.torn).toBe(0)
      seen = Math.max(seen, found.orders)
    }
    writing = false
    await writer
    expect(seen).toBeGreaterThan(0)
    for (let tries = 0; tries < 60 && (await look())?.orders !== orders; tries++) await sleep(500)
    expect(await look()).toEqual({ orders, torn: 0 })
  } finally {
    writing = false
    await run.stop()
    await store.close()
    await rm(folder, { recursive: true, force: true })
  }
}, 240_000)

test('a table added later comes whole by an incremental snapshot', async () => {
  await query('CREATE TABLE later (id INT PRIMARY KEY, v VARCHAR(20))', rows('later', 120))
  const early = await line.binlake('snapshot', 'later')
  expect(early).toMatchObject({ code: 2, stderr: expect.stringContaining('does not capture it (table.include.list)') })
  const config = await connectRequest<Record<string, string>>(line.connectUrl, `/connectors/${line.connector}/config`)
  await ensureConnector(line.connectUrl, {
    name: line.connector,
    config: { ...config, ...included(line.database, [...captured, 'later']) },
  })
  await query("UPDATE later SET v = 'streamed' WHERE id = 5")
  const asked = await line.binlake('snapshot', 'later', '--json')
  expect(JSON.parse(asked.stdout).tables).toEqual([{ table: `${line.database}.later`, status: 'SUCCEEDED', rows: 120 }])
  await equalNow('later')
}, 240_000)
