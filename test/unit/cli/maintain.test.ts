// Maintenance by hand: the commands' output, and what they leave.
import { utimesSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { type SmallLake, smallLake } from '../sql/small-lake.ts'
import { binlake, emptyFolder } from './run-cli.ts'

let lake: SmallLake
const run = (...args: string[]) => binlake([...args, '--lake', lake.folder], { cwd: emptyFolder() })
const key = { 'cdc.primaryKey': '["id"]' }

beforeAll(async () => {
  lake = await smallLake()
  for (let i = 0; i < 3; i++) {
    await lake.append('silver/shop/orders', { id: 'long' }, `SELECT ${i} AS id`, key)
    await lake.append('silver/shop/customers', { id: 'long' }, `SELECT ${i} AS id`, key)
  }
  return () => lake[Symbol.asyncDispose]()
})

const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(...args, '--json')
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}

describe('compact and vacuum', { timeout: 60_000 }, () => {
  it('compact tells before it does, and does what it told', async () => {
    const planned = await json('compact', '--dry-run', 'silver.orders')
    expect(planned).toMatchObject([{ table: 'silver.orders', files: { before: 3, after: 1 }, dropped: 0 }])
    const drawn = await run('compact', 'silver.orders')
    expect(drawn).toMatchObject({ code: 0, stdout: expect.stringMatching(/silver\.orders │ 3 → 1 │ [\d,]+ → [\d,]+ │/) })
    expect(await json('compact', 'silver.orders')).toMatchObject([{ files: { before: 1, after: 1 } }])
    expect(JSON.parse((await run('sql', '--json', 'select id from silver.orders order by id')).stdout)).toEqual([
      { id: 0 },
      { id: 1 },
      { id: 2 },
    ])
  })

  it('vacuum deletes what no version needs: an orphan now, what compaction replaced when its time has come', async () => {
    const orphan = 'silver/shop/orders/part-of-a-crash.parquet'
    await lake.store.put(orphan, Buffer.from('x'))
    const old = new Date(Date.now() - 3 * 86_400_000)
    utimesSync(join(lake.folder, orphan), old, old)
    expect(await json('vacuum', '--dry-run', 'silver.orders')).toMatchObject([{ files: { before: 5, after: 4 } }])
    expect(await lake.store.head(orphan)).toBeDefined()
    const [done] = await json('vacuum', 'silver.orders')
    expect(done).toMatchObject({ table: 'silver.orders', files: { before: 5, after: 4 }, log: { before: done.log.after } })
    expect(await lake.store.head(orphan)).toBeUndefined()
    const shorter = await json('vacuum', '--retention', '0s', '--unsafe', 'silver.orders')
    expect(shorter).toMatchObject([{ files: { before: 4, after: 1 } }])
    const gone = await run('compact')
    expect(gone.code).toBe(0)
  })

  it('without a name all tables are looked at', async () => {
    expect((await json('compact', '--dry-run')).map(({ table }: { table: string }) => table)).toEqual([
      'silver.customers',
      'silver.orders',
    ])
  })

  it('names the nearest table, and refuses a retention that readers could not live with', async () => {
    const unknown = await run('compact', 'silver.ordrs')
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('did you mean silver.orders?')])
    const zone = await run('vacuum', 'sliver.orders')
    expect([zone.code, zone.stderr]).toEqual([2, expect.stringContaining('did you mean silver.orders?')])
    const short = await run('vacuum', 'silver.orders', '--retention', '5m')
    expect([short.code, short.stderr]).toEqual([2, expect.stringContaining('LAKE_RETENTION_TOO_SHORT')])
  })
})
