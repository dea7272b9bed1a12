import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkpoint } from '../../../lake/checkpoint.ts'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { cleanUpLog, logCutoff, logRetention } from '../../../lake/log-cleanup.ts'
import { checkpointPath, commitPath, lastCheckpointPath } from '../../../lake/path.ts'
import type { Snapshot } from '../../../lake/snapshot.ts'
import { versionAt } from '../../../lake/travel.ts'
import { objects, someAdd, someFields, type TempTable, tempTable } from './temp-table.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open({ threads: 1 })
})
afterAll(() => duck.close())

const now = Date.parse('2026-11-21T15:00:00Z')
const hour = 3_600_000
const oneDay = { 'delta.logRetentionDuration': 'interval 1 day', 'delta.checkpointInterval': '10' }

/** `count` commits, one an hour, the last at `now`; a checkpoint at each version of `checkpoints`. */
async function hourly(table: TempTable, count: number, checkpoints: number[]): Promise<Snapshot> {
  let base: Snapshot | undefined
  for (let i = 0; i < count; i++) {
    const metaData = { fields: someFields, configuration: oneDay }
    base = await commit(table, { base, mode: 'append', operation: 'WRITE', metaData, adds: [someAdd(`f${i}`)] })
    const time = new Date(now - (count - 1 - i) * hour)
    await utimes(join(table.dir, commitPath(table, i)), time, time)
    if (!checkpoints.includes(i)) continue
    await checkpoint(duck, table, base)
    await utimes(join(table.dir, checkpointPath(table, i)), time, time)
  }
  return base!
}

/** Names in the log, short: `7.json`, `7.checkpoint.parquet`. */
async function log(table: TempTable): Promise<string[]> {
  const paths = await objects(table.store, `${table.path}/_delta_log/0`)
  return paths.map(path => path.slice(path.lastIndexOf('/') + 1).replace(/^0+(?=\d)/, ''))
}

test('the cutoff is the midnight (UTC) before the retention', () => {
  const of = (retention: number) => new Date(logCutoff(retention, now)).toISOString()
  expect(of(24 * hour)).toBe('2026-11-20T00:00:00.000Z')
  expect(of(14 * hour)).toBe('2026-11-21T00:00:00.000Z')
  const logOf = (configuration: Record<string, string>) => logRetention({ metaData: { configuration } } as unknown as Snapshot)
  expect([logOf(oneDay), logOf({})]).toEqual([24 * hour, 720 * hour])
})

// 60 commits: version 20 is of midnight the 20th, the cutoff of one day at 15:00 on the 21st.
test('everything before the newest checkpoint up to the cutoff goes; it and its commit stay', async () => {
  await using table = await tempTable()
  const snapshot = await hourly(table, 60, [5, 15, 30, 50])
  const before = await log(table)
  const planned = await cleanUpLog(duck, table, snapshot, { now, dryRun: true })
  expect(await log(table)).toEqual(before)
  const done = await cleanUpLog(duck, table, snapshot, { now })
  expect(done).toEqual(planned)
  expect(done).toMatchObject({ before: { objects: 64 }, deleted: { objects: 16 }, from: 15 })
  expect(await log(table)).toEqual(before.filter(name => Number(name.split('.')[0]) >= 15))
  expect([...(await loadSnapshot(table))!.files.keys()]).toEqual([...snapshot.files.keys()])
  expect((await loadSnapshot(table, { version: 17 }))!.files.size).toBe(18)
  await expect(loadSnapshot(table, { version: 14 })).rejects.toMatchObject({ code: 'LAKE_VERSION_GONE' })
  expect((await cleanUpLog(duck, table, snapshot, { now })).deleted.objects).toBe(0)
})

test('nothing old enough: nothing goes', async () => {
  await using table = await tempTable()
  const snapshot = await hourly(table, 30, [5])
  expect(await cleanUpLog(duck, table, snapshot, { now })).toMatchObject({ deleted: { objects: 0 }, from: 0 })
})

test('without a checkpoint near the cutoff one is made there, and the hint stays with the newest', async () => {
  await using table = await tempTable()
  const snapshot = await hourly(table, 160, [150])
  const done = await cleanUpLog(duck, table, snapshot, { now })
  expect(done).toMatchObject({ deleted: { objects: 120 }, from: 120 })
  expect((await log(table)).slice(0, 2)).toEqual(['120.checkpoint.parquet', '120.json'])
  expect(JSON.parse((await table.store.get(`${table.path}/_delta_log/_last_checkpoint`))!.toString()).version).toBe(150)
  expect([...(await loadSnapshot(table))!.files.keys()]).toEqual([...snapshot.files.keys()])
})

test('a clock that ran ahead once keeps what comes after it: a commit counts as no older than the one before', async () => {
  await using table = await tempTable()
  const snapshot = await hourly(table, 60, [5, 15])
  await utimes(join(table.dir, commitPath(table, 8)), new Date(now), new Date(now))
  expect((await cleanUpLog(duck, table, snapshot, { now })).from).toBe(5)
})

test('versions that someone still needs stay, until the patience is over', async () => {
  await using table = await tempTable()
  const snapshot = await hourly(table, 60, [5, 15, 19])
  expect((await cleanUpLog(duck, table, snapshot, { now, needed: 12, patience: 60 * hour })).from).toBe(5)
  // Version 17 is 42 hours old.
  expect((await cleanUpLog(duck, table, snapshot, { now, needed: 12, patience: 42 * hour })).from).toBe(15)
  expect((await cleanUpLog(duck, table, snapshot, { now, needed: 12, patience: hour })).from).toBe(19)
})

test('a checkpoint that cannot be read is no reason to delete', async () => {
  await using table = await tempTable()
  const snapshot = await hourly(table, 60, [15])
  await table.store.put(checkpointPath(table, 15), Buffer.from('not a checkpoint'))
  await expect(cleanUpLog(duck, table, snapshot, { now })).rejects.toMatchObject({ code: 'LAKE_CORRUPT_LOG' })
  expect(await log(table)).toHaveLength(61)
})

test('checksums and parts of other engines go with their version', async () => {
  await using table = await tempTable()
  const snapshot = await hourly(table, 60, [15])
  const at = (name: string) => `${table.path}/_delta_log/${name}`
  const [old, kept] = ['00000000000000000003.crc', '00000000000000000020.crc']
  for (const name of [old, kept, '00000000000000000002.checkpoint.0000000001.0000000002.parquet'])
    await table.store.put(at(name!), Buffer.from('x'))
  expect((await cleanUpLog(duck, table, snapshot, { now })).deleted.objects).toBe(17)
  expect(await table.store.head(at(old!))).toBeUndefined()
  expect(await table.store.head(at(kept!))).toBeDefined()
})

test('the hint is never left behind what goes: a snapshot from before would be taken for the newest', async () => {
  await using table = await tempTable()
  const snapshot = await hourly(table, 60, [5])
  const known = (await loadSnapshot(table, { version: 8 }))!
  const hint = (await table.store.get(lastCheckpointPath(table)))!
  await checkpoint(duck, table, (await loadSnapshot(table, { version: 15 }))!)
  // As after a crash between a checkpoint and its hint.
  await table.store.put(lastCheckpointPath(table), hint)
  expect((await cleanUpLog(duck, table, snapshot, { now })).from).toBe(15)
  const asleep = { ...known, timestamp: now - 51 * hour }
  expect((await loadSnapshot(table, { known: asleep }))!.version).toBe(59)
  const late = { base: asleep, mode: 'append', operation: 'WRITE', adds: [someAdd('late')] } as const
  await expect(commit(table, late)).rejects.toMatchObject({ code: 'LAKE_CONFLICT', retryable: true })
})

test('a clean-up cut short leaves no version that reads as an older one', async () => {
  await using table = await tempTable()
  const snapshot = await hourly(table, 60, [5, 15])
  // Sixteen are deleted at once: the first need not be the first to go.
  const refuse = (path: string) => (path === commitPath(table, 0) ? Promise.reject(new Error('no')) : table.store.delete(path))
  const failing = new Proxy(table.store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name)
      return name === 'delete' ? refuse : typeof value === 'function' ? value.bind(target) : value
    },
  })
  await expect(cleanUpLog(duck, { path: table.path, store: failing }, snapshot, { now })).rejects.toThrow('no')
  expect((await log(table)).slice(0, 2)[0]).toBe('0.json')
  expect((await log(table)).length).toBeLessThan(60)
  await expect(loadSnapshot(table, { version: 5 })).rejects.toMatchObject({ code: 'LAKE_VERSION_GONE' })
  await expect(versionAt(table, new Date(now - 1000 * hour))).rejects.toMatchObject({ code: 'LAKE_VERSION_GONE' })
  expect((await loadSnapshot(table, { version: 17 }))!.files.size).toBe(18)
  expect((await loadSnapshot(table))!.version).toBe(59)
  expect((await cleanUpLog(duck, table, snapshot, { now })).from).toBe(15)
  expect((await log(table)).slice(0, 2)).toEqual(['15.checkpoint.parquet', '15.json'])
})
