import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EndOffsets } from '../../../connectors/source.ts'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { Lakehouse } from '../../../lake/lakehouse.ts'
import { field } from '../../../lake/schema.ts'
import { offsetAppId } from '../../../processors/bronze-names.ts'
import type { MergeRules } from '../../../processors/merge-interval.ts'
import { lakeStatus } from '../../../processors/status.ts'
import { someAdd } from '../lake/temp-table.ts'
import { type SmallLake, smallLake } from '../sql/small-lake.ts'

const topic = 'shop.shop.orders'
const later = new Date(Date.now() + 120_000)
let lake: SmallLake
let duck: Duck

beforeAll(async () => {
  lake = await smallLake()
  duck = await Duck.open()
  const fields = [field('n', 'long')]
  const at = (path: string) => ({ store: lake.store, path })
  const txns = [{ appId: offsetAppId(topic, 'id-1', 0), version: 10n }]
  const first = await commit(at('bronze/shop/orders'), {
    base: undefined,
    mode: 'append',
    operation: 'W',
    metaData: { fields },
    txns,
  })
  await commit(at('bronze/shop/orders'), { base: first, mode: 'append', operation: 'W', txns: [{ ...txns[0]!, version: 12n }] })
  const taken = [{ appId: first.metaData.id, version: 0n }]
  const silver = at('silver/shop/orders')
  const merged = { mode: 'merge', operation: 'MERGE', metaData: { fields } } as const
  const one = await commit(silver, { base: undefined, ...merged, txns: taken, adds: [someAdd('a', { size: 45e6 })] })
  const two = await commit(silver, { base: one, ...merged, removes: ['a'], adds: [someAdd('b', { size: 45e6 })] })
  await commit(silver, {
    base: two,
    mode: 'compaction',
    operation: 'OPTIMIZE',
    removes: ['b'],
    adds: [someAdd('c', { size: 45e6 })],
  })
  await lake.append('quarantine/shop/orders', { _reason: 'string' }, "SELECT 'invalid_json' AS _reason FROM range(3)")
  await lake.append('gold/daily', { n: 'long' }, 'SELECT 1 AS n')
})

afterAll(async () => {
  await duck.close()
  await lake[Symbol.asyncDispose]()
})

const ends = (topicId: string, end: bigint): EndOffsets => new Map([[topic, { topicId, partitions: new Map([[0, end]]) }]])
const look = (options: { ends?: EndOffsets; now?: Date; merge?: MergeRules } = {}) =>
  lakeStatus({ duck, lake: new Lakehouse(lake.store), ...options })

describe('lakeStatus', () => {
  it('counts what each step has not taken', async () => {
    const { tables, gold } = await look({ ends: ends('id-1', 15n) })
    expect(tables).toMatchObject([
      { table: 'shop.orders', lag: 3, bronze: { version: 1 }, silver: { behind: 1 }, quarantine: { records: 3 } },
    ])
    expect(gold).toMatchObject([{ table: 'daily', rows: 1 }])
  })

  it('knows no lag when Kafka was not asked, and counts a topic made anew from its beginning', async () => {
    expect((await look()).tables[0]!.lag).toBeUndefined()
    expect((await look({ ends: ends('id-2', 4n) })).tables[0]!.lag).toBe(4)
  })

  it('gives moving data time, and calls standing data a problem', async () => {
    const moving = await look({ ends: ends('id-1', 15n) })
    expect(moving.problems).toEqual(['shop.orders: 3 records could not be read; see `binlake quarantine list shop.orders`'])
    const standing = await look({ ends: ends('id-1', 15n), now: later })
    expect(standing.problems).toEqual([
      expect.stringMatching(/^shop\.orders: 3 records wait in Kafka and nothing came for 1[12]\d s; is `binlake run` running\?$/),
      expect.stringContaining('shop.orders: silver is 1 commits behind bronze'),
      expect.stringContaining('could not be read'),
    ])
    expect((await look({ ends: ends('id-1', 12n), now: later })).problems.join()).not.toContain('wait in Kafka')
  })

  it('tells how often a table is merged and why, and how late it is', async () => {
    const rules = { intervalMs: 10_000, rate: 20e6, rewrites: 100, allowance: 100e9 }
    const { tables, problems } = await look({ merge: rules, now: later })
    // The second merge rewrote 45 MB and counts double; compaction does not count.
    expect(tables[0]!.silver).toMatchObject({ merge: { term: 'day', touched: 45e6, expected: 30e6, ms: 25_920 } })
    expect(tables[0]!.silver!.late).toBeGreaterThanOrEqual(119_000)
    expect(Date.parse(tables[0]!.silver!.newest!)).toBeLessThanOrEqual(Date.now())
    expect(problems.join()).toContain('behind bronze')
    expect((await look({ merge: { ...rules, intervalMs: 90_000 }, now: later })).problems.join()).not.toContain('behind bronze')
  })

  it('names topics of which nothing is in the lake, but for those that are empty', async () => {
    const more = new Map([
      ...ends('id-1', 12n),
      ['shop.shop.new', { topicId: 'id-3', partitions: new Map([[0, 1n]]) }],
      ['shop-signals', { topicId: 'id-4', partitions: new Map([[0, 0n]]) }],
    ])
    expect((await look({ ends: more })).problems).toContain(
      '1 topics are not in the lake yet: shop.shop.new; is `binlake run` running?',
    )
  })
})
