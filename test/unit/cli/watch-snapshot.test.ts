import { expect, it } from 'vitest'
import { type Watched, watchSnapshot } from '../../../cli/watch-snapshot.ts'
import type { TopicRecord } from '../../../connectors/follow-topic.ts'

const watched: Watched = { id: 'mine', full: false, tables: ['a.t'], patience: 1_000, onRows: () => {}, chunk: 100 }
async function* told(...notes: [type: string, more?: object, id?: string, aggregate?: string][]): AsyncGenerator<TopicRecord> {
  for (const [type, additional_data = {}, id = 'mine', aggregate_type = 'Incremental Snapshot'] of notes)
    yield { value: JSON.stringify({ id, type, aggregate_type, additional_data }), at: 0 }
}
const scanned = (table: string, status = 'SUCCEEDED', rows = 7) => ({
  scanned_collection: table,
  status,
  total_rows_scanned: String(rows),
})

it('tells how each table was read, and rows on the way', async () => {
  const rows: number[] = []
  const records = told(
    ['STARTED', { data_collections: 'a.t' }],
    ['IN_PROGRESS', { current_collection_in_progress: 'a.t', last_processed_key: 'secret' }],
    ['TABLE_SCAN_COMPLETED', scanned('a.t')],
  )
  expect(await watchSnapshot(records, { ...watched, onRows: count => rows.push(count) })).toEqual([
    { table: 'a.t', status: 'SUCCEEDED', rows: 7 },
  ])
  expect(rows).toEqual([100, 7])
})

it('waits behind a snapshot of others, and hears when its own tables are left out', async () => {
  const others = [
    ['STARTED', {}, 'theirs'],
    ['TABLE_SCAN_COMPLETED', scanned('a.other'), 'theirs'],
    ['COMPLETED', {}, 'theirs'],
  ] as const
  const records = told(...others.map(one => [...one] as [string, object, string]), ['STARTED'], ['COMPLETED'])
  expect(await watchSnapshot(records, watched)).toEqual([{ table: 'a.t', status: 'SKIPPED', rows: 0 }])
})

it('a full one counts as read only when all of it is', async () => {
  const full = { ...watched, full: true }
  const of = (...notes: [string, object?][]) =>
    told(...notes.map(([type, more]) => [type, more ?? {}, 'any', 'Initial Snapshot'] as [string, object, string, string]))
  expect(await watchSnapshot(of(['STARTED'], ['TABLE_SCAN_COMPLETED', scanned('a.t')], ['ABORTED']), full)).toEqual([
    { table: 'a.t', status: 'ABORTED', rows: 0 },
  ])
  expect(await watchSnapshot(of(['STARTED'], ['TABLE_SCAN_COMPLETED', scanned('a.t')], ['COMPLETED']), full)).toEqual([
    { table: 'a.t', status: 'SUCCEEDED', rows: 7 },
  ])
})

it('says when the connector does not begin, and nothing when the looking on ends', async () => {
  async function* silent(): AsyncGenerator<TopicRecord> {
    await new Promise(resolve => setTimeout(resolve, 5_000).unref())
    yield { value: '{}', at: 0 }
  }
  await expect(watchSnapshot(silent(), { ...watched, patience: 50 })).rejects.toMatchObject({ code: 'SNAPSHOT_SILENT' })
  expect(await watchSnapshot(told(['STARTED']), watched)).toBeUndefined()
})
