// VACUUM by another engine takes what we removed and leaves what is live, whatever folder it lies in.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compact } from '../../lake/compact.ts'
import { dataPath } from '../../lake/path.ts'
import type { Table } from '../../lake/table.ts'
import { objects } from '../unit/lake/temp-table.ts'
import { Others } from './others.ts'
import { folderOf } from './same-rows.ts'
import { SilverOfEvents } from './silver-of-events.ts'

let others: Others
beforeAll(async () => {
  others = await Others.open()
})
afterAll(() => others.close())

const parquet = async ({ store, path }: Table) =>
  (await objects(store, `${path}/`)).filter(name => name.endsWith('.parquet') && !name.includes('/_delta_log/')).sort()

/** What each engine would delete and deletes. Names as in the store. */
const vacuums: Record<string, (table: Table, dry: boolean) => Promise<string[]>> = {
  spark: async (table, dry) => {
    const rows = await others.engines.spark(folderOf(table), `VACUUM {table} RETAIN 0 HOURS ${dry ? 'DRY RUN' : ''}`)
    const root = folderOf(table)
    return dry
      ? rows.map(({ path }) => `${table.path}${decodeURIComponent(new URL(String(path)).pathname).slice(root.length)}`).sort()
      : []
  },
  'delta-rs': async (table, dry) =>
    ((await others.engines.deltalake(folderOf(table), 'vacuum', { hours: 0, dry })) as string[])
      .map(path => `${table.path}/${path}`)
      .sort(),
}

test.each(Object.entries(vacuums))('%s', async (_, vacuum) => {
  const silver = await SilverOfEvents.open(others)
  try {
    const { lake, duck } = silver.events
    await silver.merge(['u', 2, 'w2'], ['d', 3])
    const bronze = (await lake.current(SilverOfEvents.bronze))!
    lake.committed(
      SilverOfEvents.bronze,
      (await compact(duck, silver.bronze, bronze, { groups: [[...bronze.files.values()]] })).snapshot,
    )
    for (const path of ['bronze/shop/t', 'silver/shop/t']) {
      const table = lake.table(path)
      const snapshot = (await lake.current(path))!
      const live = [...snapshot.files.keys()].map(logged => dataPath(table, logged)).sort()
      const log = (await objects(lake.store, `${path}/_delta_log/`)).filter(name => /\/\d{20}\.json$/.test(name))
      const dead = (await parquet(table)).filter(name => !live.includes(name))
      expect(dead.length, path).toBeGreaterThan(0)
      expect(await vacuum(table, true), path).toEqual(dead)
      expect(await parquet(table), path).toEqual([...live, ...dead].sort())
      await vacuum(table, false)
      expect(await parquet(table), path).toEqual(live)
      expect(await objects(lake.store, `${path}/_delta_log/`)).toEqual(expect.arrayContaining(log))
      await others.same(table, (await lake.current(path))!)
    }
    await silver.merge(['u', 4, 'after'], ['c', 6, 'v6'])
    expect(await silver.rows()).toEqual({ 1: 'w1', 2: 'w2', 4: 'after', 5: 'v5', 6: 'v6' })
    await silver.same()
  } finally {
    await silver.close()
  }
})
