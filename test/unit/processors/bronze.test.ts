import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commit } from '../../../lake/commit.ts'
import { bronzeFields, ingestDate } from '../../../processors/bronze.ts'
import { compactTable, places } from '../../../processors/maintenance/maintain.ts'
import { defaultRetentions } from '../../../processors/maintenance/retention.ts'
import { UntakenFiles } from '../../../processors/maintenance/untaken.ts'
import { LakeOfEvents } from './lake-of-events.ts'

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
})
