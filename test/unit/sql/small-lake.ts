// A small lake in a folder of its own, written by the lake's own API; used by tests of queries and of the command line.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLocalStore } from '../../../connectors/local-store.ts'
import type { ObjectStore } from '../../../connectors/object-store.ts'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { type DeltaType, field } from '../../../lake/schema.ts'
import { trusted } from '../../../lake/sql.ts'
import { writeFile } from '../../../lake/write.ts'

export interface SmallLake extends AsyncDisposable {
  folder: string
  store: ObjectStore
  /** Appends the rows of a query to a table, making it if need be. */
  append(path: string, columns: Record<string, DeltaType>, query: string, configuration?: Record<string, string>): Promise<void>
}

export async function smallLake(): Promise<SmallLake> {
  const folder = mkdtempSync(join(tmpdir(), 'binlake-lake-'))
  const store = await openLocalStore(folder)
  const duck = await Duck.open()
  return {
    folder,
    store,
    async append(path, columns, query, configuration = {}) {
      const table = { store, path }
      const fields = Object.entries(columns).map(([name, type]) => field(name, type))
      const add = await writeFile(duck, table, { select: trusted(query), fields })
      const base = await loadSnapshot(table)
      await commit(table, {
        base,
        mode: 'append',
        operation: 'WRITE',
        metaData: { fields, configuration },
        adds: add ? [add] : [],
      })
    },
    async [Symbol.asyncDispose]() {
      await duck.close()
      await store.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Orders of two databases, their history, a gold table, bronze. */
export async function shopLake(): Promise<SmallLake> {
  const lake = await smallLake()
  const key = { 'cdc.primaryKey': '["id"]' }
  const orders = { id: 'long', status: 'string', total: 'decimal(18,2)', placed_at: 'timestamp' } as const
  const values = `(VALUES (1, 'paid', 12.50, '2026-01-01 10:00:00Z'), (9007199254740993, 'placed', 12345678901234.56, NULL)) t(id, status, total, placed_at)`
  await lake.append('silver/shop/orders', orders, `SELECT * FROM ${values}`, key)
  await lake.append('silver/shop/customers', { id: 'long', name: 'string' }, `SELECT 1 AS id, 'tok_v1_x' AS name`, key)
  await lake.append('silver/outlet/customers', { id: 'long', name: 'string' }, `SELECT 2 AS id, 'tok_v1_y' AS name`, key)
  const history = { id: 'long', status: 'string', _op: 'string', _seq: 'long', _valid_from: 'timestamp' } as const
  const versions = `(VALUES (1, 'placed', 'c', 1, '2026-01-01 09:00:00Z'), (1, 'paid', 'u', 2, '2026-01-01 10:00:00Z'),
    (2, 'placed', 'c', 1, '2026-01-02 00:00:00Z'), (2, 'placed', 'd', 2, '2026-01-03 00:00:00Z')) t(id, status, _op, _seq, _valid_from)`
  await lake.append('silver/shop/orders_history', history, `SELECT * FROM ${versions}`)
  await lake.append('gold/daily_sales', { day: 'date', net: 'decimal(18,2)' }, `SELECT DATE '2026-01-01' AS day, 12.50 AS net`)
  await lake.append(
    'bronze/shop/orders',
    { _offset: 'long', _value: 'string' },
    `SELECT range AS _offset, '{}' AS _value FROM range(5000)`,
  )
  return lake
}
