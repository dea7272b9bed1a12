import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commit } from '../../../lake/commit.ts'
import type { Snapshot } from '../../../lake/snapshot.ts'
import { vacuum } from '../../../lake/vacuum.ts'
import { objects, someAdd, someFields, type TempTable, tempTable } from './temp-table.ts'

const now = Date.now()
const hour = 3_600_000
const day = 24 * hour

async function file(table: TempTable, name: string, age: number): Promise<void> {
  const path = `${table.path}/${name}`
  await table.store.put(path, Buffer.from('xyz'))
  const time = new Date(now - age)
  await utimes(join(table.dir, path), time, time)
}

/** Live: `live`, `p=a/live`. Removed just now: `lately`. Files of all ages that no version has. */
async function tableOf(table: TempTable): Promise<Snapshot> {
  const paths = ['live', 'lately', 'a b']
  for (const path of paths) await file(table, path, 100 * day)
  const metaData = { fields: someFields, configuration: { 'delta.deletedFileRetentionDuration': 'interval 1 day' } }
  const base = await commit(table, {
    base: undefined,
    mode: 'append',
    operation: 'WRITE',
    metaData,
    adds: paths.map(path => someAdd(encodeURIComponent(path))),
  })
  return commit(table, { base, mode: 'merge', operation: 'MERGE', removes: ['lately'] })
}

const left = async (table: TempTable) =>
  (await objects(table.store, `${table.path}/`)).map(path => path.slice(table.path.length + 1)).filter(path => !/_log/.test(path))

test('orphans go once they are old enough; live, lately removed and lately written files stay', async () => {
  await using table = await tempTable()
  const snapshot = await tableOf(table)
  await file(table, 'orphan', 2 * day)
  await file(table, 'under way', 20 * hour)
  const planned = await vacuum(table, snapshot, { now, dryRun: true })
  expect(planned).toEqual({ before: { files: 5, bytes: 15 }, deleted: { files: 1, bytes: 3 } })
  expect(await left(table)).toHaveLength(5)
  expect(await vacuum(table, snapshot, { now })).toEqual(planned)
  expect(await left(table)).toEqual(['a b', 'lately', 'live', 'under way'])
})

test('a removed file goes when its tombstone is older than the retention', async () => {
  await using table = await tempTable()
  const snapshot = await tableOf(table)
  await vacuum(table, snapshot, { now: now + 23 * hour })
  expect(await left(table)).toContain('lately')
  await vacuum(table, snapshot, { now: now + 25 * hour })
  expect(await left(table)).toEqual(['a b', 'live'])
})

test('a file that no version has stays as long as the longest write may take', async () => {
  await using table = await tempTable()
  const snapshot = await tableOf(table)
  await file(table, 'orphan', 2 * day)
  await vacuum(table, snapshot, { now, longestWrite: 3 * day })
  expect(await left(table)).toContain('orphan')
  await vacuum(table, snapshot, { now, retention: hour, longestWrite: hour })
  expect(await left(table)).not.toContain('orphan')
})

test('a retention below an hour is refused unless asked for by name', async () => {
  await using table = await tempTable()
  const snapshot = await tableOf(table)
  await file(table, 'orphan', 2 * hour)
  const options = { now: now + 60_000, retention: 1_000 }
  await expect(vacuum(table, snapshot, options)).rejects.toMatchObject({ code: 'LAKE_RETENTION_TOO_SHORT' })
  await vacuum(table, snapshot, { ...options, unsafe: true })
  expect(await left(table)).toEqual(['a b', 'live'])
})

test('hidden folders and the log are left alone, change data is not', async () => {
  await using table = await tempTable()
  const snapshot = await tableOf(table)
  const hidden = ['_hidden/x', '.hidden/x', 'metadata/x', '_delta_log/old', 'p=1/_tmp/x']
  for (const name of [...hidden, '_change_data/x', 'p=1/x']) await file(table, name, 9 * day)
  expect((await vacuum(table, snapshot, { now })).deleted.files).toBe(2)
  expect(await objects(table.store, `${table.path}/`)).toEqual(
    expect.arrayContaining(hidden.map(name => `${table.path}/${name}`)),
  )
})

test('a partition folder is not hidden, whatever its column is called', async () => {
  await using table = await tempTable()
  const fields = [...someFields, { ...someFields[1]!, name: '_day' }]
  await file(table, '_day=1/live', 9 * day)
  await file(table, '_day=1/orphan', 9 * day)
  const base = await commit(table, {
    base: undefined,
    mode: 'append',
    operation: 'WRITE',
    metaData: { fields, partitionColumns: ['_day'] },
    adds: [someAdd('_day=1/live', { partitionValues: { _day: '1' } })],
  })
  await vacuum(table, base, { now })
  expect(await left(table)).toEqual(['_day=1/live'])
})

test('a file that came back after the caller looked is live; what someone needs is kept', async () => {
  await using table = await tempTable()
  const snapshot = await tableOf(table)
  await file(table, 'brought back', 9 * day)
  await file(table, 'needed', 9 * day)
  await commit(table, { base: snapshot, mode: 'append', operation: 'RESTORE', adds: [someAdd('brought%20back')] })
  await vacuum(table, snapshot, { now, keep: new Set([`${table.path}/needed`]) })
  expect(await left(table)).toEqual(['a b', 'brought back', 'lately', 'live', 'needed'])
})

test('a file that comes back while others are deleted stays', async () => {
  await using table = await tempTable()
  const made = await tableOf(table)
  const gone = await commit(table, { base: made, mode: 'merge', operation: 'MERGE', removes: ['live'] })
  for (let i = 0; i < 300; i++) await file(table, `a${i}`, 100 * day)
  let back: Promise<Snapshot> | undefined
  const store = new Proxy(table.store, {
    get(target, name) {
      if (name !== 'delete') return Reflect.get(target, name).bind?.(target) ?? Reflect.get(target, name)
      return async (path: string) => {
        back ??= commit(table, { base: gone, mode: 'append', operation: 'RESTORE', adds: [someAdd('live')] })
        await back
        await target.delete(path)
      }
    },
  })
  await vacuum({ store, path: table.path }, gone, { now: now + 2 * day })
  expect(await left(table)).toEqual(['a b', 'live'])
})
