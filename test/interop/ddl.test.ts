// What `binlake tables --ddl` prints, pasted into the engines that run here: DuckDB and Spark.
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadConfig } from '../../cli/config.ts'
import { ddlTables } from '../../cli/ddl-tables.ts'
import { openLocalStore } from '../../connectors/local-store.ts'
import { run } from '../../infra/command.ts'
import { type Ddl, type DdlEngine, ddl } from '../../sql/ddl.ts'
import { shopLake } from '../unit/sql/small-lake.ts'
import { Engines } from './engines/engines.ts'
import { enginesPython } from './engines/environment.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-ddl-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

/** The shop's tables in a folder of this name, as an engine is told of them. */
async function told(engine: DdlEngine, name: string): Promise<Ddl> {
  const folder = join(dir, name)
  await using lake = await shopLake()
  await cp(lake.folder, folder, { recursive: true })
  const store = await openLocalStore(folder)
  const config = loadConfig({ cwd: dir, env: { BINLAKE_LAKE_URL: pathToFileURL(folder).href } })
  const tables = await ddlTables(config, store, [])
  await store.close()
  return ddl(engine, tables)
}

/** DuckDB's delta extension (1.5.5) decodes a folder's name twice: it cannot open one with `%20` in it. */
const names = { duckdb: ['plain', `o'brien "#1" ü日 [x]*?`], spark: ['plain', `o'brien "#1" a%20b ü日 [x]*?`] }

test.each(names.duckdb)('DuckDB, a lake in %s', async name => {
  const { statements } = await told('duckdb', name)
  const queries = [
    'SELECT id::VARCHAR, status FROM silver.orders ORDER BY id',
    'SELECT name FROM silver."outlet.customers"',
    'SELECT id, _seq, _is_current, _valid_to IS NULL FROM silver.orders_history_view ORDER BY id, _seq',
  ]
  const answer = await run(await enginesPython(), [join(import.meta.dirname, 'ddl.py'), JSON.stringify({ statements, queries })])
  expect(JSON.parse(answer)).toEqual([
    [
      ['1', 'paid'],
      ['9007199254740993', 'placed'],
    ],
    [['tok_v1_y']],
    [
      [1, 1, false, false],
      [1, 2, true, true],
      [2, 1, false, false],
      [2, 2, false, true],
    ],
  ])
})

test.each(names.spark)('Spark, a lake in %s', async name => {
  const { statements } = await told('spark', name)
  using engines = await Engines.connect()
  const schemas = ['bronze', 'silver', 'gold', 'quarantine']
  const clean = schemas.map(schema => `DROP SCHEMA IF EXISTS ${schema} CASCADE`)
  try {
    await engines.spark(dir, ...clean, ...statements)
    expect(await engines.spark(dir, 'SELECT string(id) AS id, status FROM silver.orders ORDER BY orders.id')).toEqual([
      { id: '1', status: 'paid' },
      { id: '9007199254740993', status: 'placed' },
    ])
    expect(await engines.spark(dir, 'SELECT name FROM silver.outlet_customers')).toEqual([{ name: 'tok_v1_y' }])
    const versions = 'SELECT id, _seq, _is_current FROM silver.orders_history_view ORDER BY id, _seq'
    expect(await engines.spark(dir, versions)).toEqual([
      { id: 1, _seq: 1, _is_current: false },
      { id: 1, _seq: 2, _is_current: true },
      { id: 2, _seq: 1, _is_current: false },
      { id: 2, _seq: 2, _is_current: false },
    ])
  } finally {
    await engines.spark(dir, ...clean)
  }
})
