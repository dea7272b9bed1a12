import { readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commit } from '../../../../lake/commit.ts'
import { commitPath } from '../../../../lake/path.ts'
import type { Snapshot } from '../../../../lake/snapshot.ts'
import {
  applyRetention,
  cleanTable,
  compactTable,
  type Maintained,
  places,
  vacuumTable,
} from '../../../../processors/maintenance/maintain.ts'
import { defaultRetentions } from '../../../../processors/maintenance/retention.ts'
import { UntakenFiles } from '../../../../processors/maintenance/untaken.ts'
import { LakeOfEvents } from '../lake-of-events.ts'

const hour = 3_600_000
const day = 24 * hour
const bronze = { path: 'bronze/shop/t', zone: 'bronze', name: { database: 'shop', table: 't' } } as const
const silver = (suffix = '') => ({ path: `silver/shop/t${suffix}`, zone: 'silver', name: bronze.name }) as const

let events: LakeOfEvents
beforeEach(async () => {
  events = await LakeOfEvents.open()
})
afterEach(() => events.close())

/** `ahead`: how far the clock of the maintenance is before this machine's, milliseconds. */
function maintained(ahead = 0, more: Partial<Maintained> = {}): Maintained {
  return {
    lake: events.lake,
    untaken: new UntakenFiles(events.lake),
    retentions: defaultRetentions,
    patience: 7 * day,
    longestWrite: 6 * hour,
    memory: 300e6,
    now: () => Date.now() + ahead,
    ...more,
  }
}

async function ingest(count: number, from = 0): Promise<void> {
  for (let i = from; i < from + count; i++) await events.ingest({ op: i < 5 ? 'c' : 'u', id: i % 5, v: `v${i}`, pos: 10 + i })
}

const current = async (path: string): Promise<Snapshot> => (await events.lake.current(path))!
const content = () =>
  Promise.all([
    events.rows('bronze/shop/t', '_offset', '_value', '_ingest_date'),
    events.rows('silver/shop/t', 'id', 'v'),
    events.rows('silver/shop/t_history', 'id', 'v', '_seq'),
  ])

describe('maintenance of a table', { timeout: 60_000 }, () => {
  it('bronze is partitioned by the day of ingestion', async () => {
    await ingest(1)
    const { metaData, files } = await current('bronze/shop/t')
    expect(metaData.partitionColumns).toEqual(['_ingest_date'])
    const today = new Date().toISOString().slice(0, 10)
    const [add] = [...files.values()]
    expect(add).toMatchObject({ partitionValues: { _ingest_date: today } })
    expect(add!.path.startsWith(`_ingest_date=${today}/`)).toBe(true)
    expect(JSON.parse(add!.stats!)).toMatchObject({ minValues: { _offset: 0 }, maxValues: { _offset: 0 } })
    expect(await events.rows('bronze/shop/t', '_ingest_date')).toEqual([[today]])
  })

  it('joins bronze, silver and history; rows and what silver does next stay as they were', async () => {
    await ingest(10)
    await events.refine()
    await ingest(10, 10)
    await events.refine()
    for (let i = 0; i < 9; i++) {
      await ingest(1, 20 + i)
      await events.refine()
    }
    const before = await content()
    for (const place of [bronze, silver(), silver('_history'), silver('_deleted')])
      expect((await compactTable(events.duck, maintained(), place))?.dropped).toBe(0)
    expect((await current('bronze/shop/t')).files.size).toBe(1)
    expect((await current('silver/shop/t_history')).files.size).toBe(1)
    expect(await content()).toEqual(before)
    await ingest(3, 29)
    await events.refine()
    expect(await events.rows('silver/shop/t', 'id', 'v')).toEqual(
      [0, 1, 2, 3, 4].map(id => [String(id), `v${id < 2 ? 30 + id : 25 + id}`]),
    )
  })

  it('leaves alone what silver has not taken', async () => {
    await ingest(10)
    await events.refine()
    const taken = new Set((await current('bronze/shop/t')).files.keys())
    await ingest(10, 10)
    const newest = [...(await current('bronze/shop/t')).files.keys()].filter(path => !taken.has(path))
    const done = await compactTable(events.duck, maintained(), bronze)
    expect(done).toMatchObject({ before: { files: 20 }, after: { files: 11 } })
    expect([...(await current('bronze/shop/t')).files.keys()]).toEqual(expect.arrayContaining(newest))
    await events.refine()
    expect((await events.rows('silver/shop/t', 'id', 'v'))[0]).toEqual(['0', 'v15'])
  })

  it('a day that is over is joined into one file, once', async () => {
    await ingest(3)
    await events.refine()
    expect((await compactTable(events.duck, maintained(), bronze))?.after.files).toBe(3)
    expect((await compactTable(events.duck, maintained(2 * day), bronze))?.after.files).toBe(1)
    const { version } = await current('bronze/shop/t')
    await compactTable(events.duck, maintained(3 * day), bronze)
    expect((await current('bronze/shop/t')).version).toBe(version)
  })

  it('files that silver waits for survive a vacuum after another engine has joined them', async () => {
    await ingest(2)
    await applyRetention(maintained(), bronze, await current('bronze/shop/t'))
    await events.refine()
    await ingest(9, 2)
    // As an engine would that knows nothing of silver.
    const foreign = maintained(0, {
      untaken: { of: async () => ({ needed: undefined, files: new Set(), hasSilver: true }) } as never,
    })
    expect((await compactTable(events.duck, foreign, bronze))?.after.files).toBe(1)
    expect((await vacuumTable(maintained(3 * day), bronze))?.deleted.files).toBe(2)
    await events.refine()
    expect(await events.rows('silver/shop/t', 'id', 'v')).toHaveLength(5)
    expect((await vacuumTable(maintained(3 * day), bronze))?.deleted.files).toBe(9)
    expect(await events.rows('bronze/shop/t', '_offset')).toHaveLength(11)
  })

  it('what silver has taken is waited for again once silver was put back', async () => {
    await ingest(5)
    await events.refine()
    const { version, txns, files } = await current('silver/shop/t')
    await ingest(5, 5)
    await events.refine()
    await ingest(2, 10)
    const { lake } = events
    const untaken = new UntakenFiles(lake)
    const waiting = async () =>
      untaken
        .of(bronze.name, lake.table(bronze.path), await current(bronze.path))
        .then(({ needed, files }) => [needed, files.size])
    expect(await waiting()).toEqual([10, 2])
    const base = await current('silver/shop/t')
    expect(base.version).toBeGreaterThan(version)
    lake.committed(
      'silver/shop/t',
      await commit(lake.table('silver/shop/t'), {
        base,
        mode: 'overwrite',
        operation: 'RESTORE',
        txns: [...txns].map(([appId, version]) => ({ appId, version })),
        adds: [...files.values()],
      }),
    )
    expect(txns.get((await current(bronze.path)).metaData.id)).toBe(4n)
    expect(await waiting()).toEqual([5, 7])
  })

  it("bronze's log waits for a silver that stands still, for a while", async () => {
    await ingest(12)
    await events.refine()
    await ingest(11, 12)
    await applyRetention(maintained(), bronze, await current('bronze/shop/t'))
    // Versions 12 and after wait for silver; the last, which set the retention, is new.
    await aged('bronze/shop/t', 23, 5 * day)
    const cleaned = async (ahead: number) => (await cleanTable(events.duck, maintained(ahead), bronze))!
    expect((await cleaned(0)).from).toBe(12)
    expect((await cleaned(day)).from).toBe(12)
    expect((await cleaned(3 * day)).from).toBe(22)
    await expect(events.refine()).rejects.toMatchObject({ code: 'TABLE_HALTED' })
    // Nobody waits any more: all may be joined.
    expect((await compactTable(events.duck, maintained(3 * day), bronze))?.after.files).toBe(1)
    await events.replay()
    expect(await events.rows('silver/shop/t', 'id', 'v')).toHaveLength(5)
  })

  it("sets the zone's retention in the table's properties, once", async () => {
    await ingest(1)
    expect(await applyRetention(maintained(), bronze, await current('bronze/shop/t'))).toBe(true)
    const changed = await current('bronze/shop/t')
    expect(changed.metaData.configuration).toMatchObject({
      'delta.logRetentionDuration': 'interval 1 day',
      'delta.deletedFileRetentionDuration': 'interval 1 day',
    })
    expect(await applyRetention(maintained(), bronze, changed)).toBe(false)
    await ingest(1, 1)
    expect((await current('bronze/shop/t')).metaData).toEqual(changed.metaData)
  })

  it('tells other engines to log no bounds but those that binlake logs, also in tables made before', async () => {
    await ingest(2)
    await events.ingest({ value: 'no JSON' })
    await events.refine()
    const allowed = async (path: string) => {
      const { configuration } = (await current(path)).metaData
      expect(configuration).toMatchObject({ 'delta.dataSkippingNumIndexedCols': '0' })
      return configuration['delta.dataSkippingStatsColumns']
    }
    expect(await allowed('bronze/shop/t')).toBe('_partition,_offset,_kafka_ts,_source_ts,_file,_version')
    for (const suffix of ['', '_history', '_deleted']) expect(await allowed(`silver/shop/t${suffix}`)).toBe('id,_offset')
    expect(await allowed('quarantine/shop/t')).toBeUndefined()

    const made = await current('bronze/shop/t')
    const configuration = Object.entries(made.metaData.configuration).filter(([key]) => !key.startsWith('delta.dataSkipping'))
    const before = { ...made, metaData: { ...made.metaData, configuration: Object.fromEntries(configuration) } }
    await applyRetention(maintained(), bronze, before)
    expect(await allowed('bronze/shop/t')).toBe('_partition,_offset,_kafka_ts,_source_ts,_file,_version')
    expect(Object.keys((await current('bronze/shop/t')).metaData.configuration)).toContain('delta.logRetentionDuration')
  })

  it('finds every table with the source table it belongs to', async () => {
    await ingest(2)
    await events.refine()
    expect(await places(events.lake)).toEqual([bronze, silver(), silver('_deleted'), silver('_history')])
  })
})

/** Makes the log look `age` older than it is, up to the version before `end`. */
async function aged(path: string, end: number, age: number): Promise<void> {
  const root = join(events.folder, 'lake')
  const time = new Date(Date.now() - age)
  for (let version = 0; version < end; version++)
    await utimes(join(root, commitPath(events.lake.table(path), version)), time, time)
  expect((await readdir(join(root, path, '_delta_log'))).length).toBeGreaterThanOrEqual(end)
}
