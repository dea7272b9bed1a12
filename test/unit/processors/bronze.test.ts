import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commit } from '../../../lake/commit.ts'
import { join, sql } from '../../../lake/sql.ts'
import { writeFile } from '../../../lake/write.ts'
import { bronzeFields, ingestDate } from '../../../processors/bronze.ts'
import { offsetAppId } from '../../../processors/bronze-names.ts'
import { compactTable, places } from '../../../processors/maintenance/maintain.ts'
import { defaultRetentions } from '../../../processors/maintenance/retention.ts'
import { UntakenFiles } from '../../../processors/maintenance/untaken.ts'
import { envelope, LakeOfEvents } from './lake-of-events.ts'

let events: LakeOfEvents
beforeEach(async () => {
  events = await LakeOfEvents.open()
})
afterEach(() => events.close())

describe('bronze tables made before they were partitioned', { timeout: 60_000 }, () => {
  it('go on without partitions, through silver and compaction', async () => {
    const table = events.lake.table('bronze/shop/t')
    const fields = bronzeFields.filter(column => column !== ingestDate)
    await commit(table, { base: undefined, mode: 'append', operation: 'WRITE', metaData: { fields, name: 't' } })
    for (let i = 0; i < 5; i++) await events.ingest({ op: 'c', id: i, v: `v${i}`, pos: 10 + i })
    const before = (await events.lake.current(table.path))!
    expect(before.metaData.partitionColumns).toEqual([])
    expect(before.fields.map(({ name }) => name)).not.toContain('_ingest_date')
    await events.refine()
    const { lake, duck } = events
    const times = { patience: 1, longestWrite: 1, memory: 300e6, now: Date.now }
    const maintained = { lake, untaken: new UntakenFiles(lake), retentions: defaultRetentions, ...times }
    const [bronze] = await places(lake)
    expect(await compactTable(duck, maintained, bronze!)).toMatchObject({ before: { files: 5 }, after: { files: 1 } })
    await events.ingest({ op: 'u', id: 1, v: 'new', pos: 20 })
    await events.refine()
    expect(await events.rows('silver/shop/t', 'id', 'v')).toEqual([
      ['0', 'v0'],
      ['1', 'new'],
      ['2', 'v2'],
      ['3', 'v3'],
      ['4', 'v4'],
    ])
  })

  it('go on from before there were epochs, and know what they hold', async () => {
    const table = events.lake.table('bronze/shop/t')
    const fields = bronzeFields.filter(({ name }) => !['_ingest_date', '_epoch', '_version'].includes(name))
    await commit(table, { base: undefined, mode: 'append', operation: 'WRITE', metaData: { fields, name: 't' } })
    const select = sql`SELECT 'shop.shop.t' AS _topic, 0 AS _partition, i AS _offset, now() AS _kafka_ts, now() AS _ingested_at, 'c' AS _op, make_timestamptz(10000 + i * 1000) AS _source_ts,
      'binlog.000001' AS _file, 10 + i AS _pos, 0 AS _row, NULL AS _gtid, NULL AS _tx_order, 'false' AS _snapshot, NULL AS _headers,
      '{"id":' || i || '}' AS _key, [${join([0, 1].map(i => sql`${envelope({ op: 'c', id: i, v: `v${i}`, pos: 10 + i })}`))}][i + 1] AS _value FROM range(2) AS r(i)`
    const add = await writeFile(events.duck, table, { select, fields })
    const txns = [{ appId: offsetAppId('shop.shop.t', 'topic-1', 0), version: 2n }]
    await commit(table, { base: await events.lake.current(table.path), mode: 'append', operation: 'WRITE', txns, adds: [add!] })
    const again = (offset: bigint, id: number) => ({
      ...{ partition: 0, offset, timestamp: 1_800_000_000_000, headers: null, key: `{"id":${id}}` },
      value: envelope({ op: 'c', id, v: `v${id}`, pos: 10 + id }),
    })
    await events.refine()
    await events.append({ topic: 'shop.shop.t', topicId: 'topic-1' }, [again(2n, 0), again(3n, 2)])
    await events.refine()
    expect(await events.rows('silver/shop/t_history', 'id', '_epoch', '_lineage')).toEqual([
      ['0', '0', '0'],
      ['1', '0', '0'],
      ['2', '0', '0'],
    ])
    expect((await events.replay({ proveOnly: true }))?.verdict).toBe('identical')
  })
})
