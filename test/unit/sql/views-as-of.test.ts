import { expect, it } from 'vitest'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { field } from '../../../lake/schema.ts'
import { sql } from '../../../lake/sql.ts'
import { writeFile } from '../../../lake/write.ts'
import { openEngine } from '../../../sql/engine.ts'
import type { GoldModel } from '../../../sql/gold-models.ts'
import { parsePoint } from '../../../sql/point.ts'
import { toJson } from '../../../sql/values.ts'
import { smallLake } from './small-lake.ts'

it('gold at a binlog point is computed of all rows, whatever the query asks of a table that it reads', async () => {
  await using lake = await smallLake()
  const duck = await Duck.open({ threads: 1 })
  const key = { 'cdc.primaryKey': '["id"]' }
  await lake.append('silver/shop/orders', { id: 'long' }, 'SELECT range AS id FROM range(20)', key)
  const history = { store: lake.store, path: 'silver/shop/orders_history' }
  const fields = [field('id', 'long'), field('_op', 'string'), field('_seq', 'long'), field('_valid_from', 'timestamp')]
  for (const from of [0, 10]) {
    const select = sql`SELECT ${from} + range AS id, 'c' AS _op, range AS _seq, TIMESTAMPTZ '2026-01-01 00:00:00+00' AS _valid_from FROM range(10)`
    // Other engines that compact a history give it bounds.
    const add = (await writeFile(duck, history, { select, fields, stats: ['id'] }))!
    const base = await loadSnapshot(history)
    await commit(history, { base, mode: 'append', operation: 'OPTIMIZE', metaData: { fields, configuration: key }, adds: [add] })
  }
  await duck.close()
  const model = { name: 'order_count', inputs: [{ schema: 'silver', table: 'orders' }] } as unknown as GoldModel
  const engine = openEngine(lake.store, {
    cut: async () => ({ said: [], happened: () => sql`true` }),
    gold: { models: async () => [model], rows: async () => sql`(SELECT count(*) AS n FROM silver.orders)` },
  })
  const ask = async (text: string) => {
    await using result = await engine.query(text, { asOf: parsePoint('binlog.000001:4') })
    for await (const rows of result.rows(toJson)) return { rows, skipped: result.report.tables[0]!.skipped }
    return undefined
  }
  expect(await ask('select count(*) from silver.orders where id = 3')).toEqual({ rows: [[1]], skipped: 1 })
  expect(await ask('select n from silver.orders, gold.order_count where orders.id = 3')).toEqual({ rows: [[20]], skipped: 0 })
})
