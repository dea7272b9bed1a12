// delta-rs writes to a silver table of ours; binlake reads it, goes on merging, and every engine reads that again.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { loadSnapshot } from '../../lake/log.ts'
import { commitPath } from '../../lake/path.ts'
import type { Value } from './engines/engines.ts'
import { Others } from './others.ts'
import { folderOf } from './same-rows.ts'
import { SilverOfEvents } from './silver-of-events.ts'

let others: Others
let silver: SilverOfEvents
beforeAll(async () => {
  others = await Others.open()
})
afterAll(() => others.close())
beforeEach(async () => {
  silver = await SilverOfEvents.open(others)
})
afterEach(() => silver.close())

const deltalake = (deed: string, more?: Record<string, Value>) => others.engines.deltalake(folderOf(silver.table), deed, more)
const pairs = (...rows: [number, string][]) => ({
  columns: [
    ['id', 'int32'],
    ['v', 'string'],
  ],
  rows,
})

test('append, merge, compact and delete', async () => {
  await deltalake('append', pairs([8, 'appended']))
  await deltalake('merge', { ...pairs([2, 'merged'], [9, 'new']), on: ['id'], set: ['v'] })
  expect(await silver.rows()).toEqual({ 1: 'w1', 2: 'merged', 3: 'v3', 4: 'v4', 5: 'v5', 8: 'appended', 9: 'new' })
  await silver.merge(['u', 3, 'after'], ['d', 4], ['u', 2, 'ours again'], ['d', 8])
  expect(await silver.rows()).toEqual({ 1: 'w1', 2: 'ours again', 3: 'after', 5: 'v5', 9: 'new' })
  await silver.same()
  await deltalake('append', pairs([10, 'ten']))
  expect(await deltalake('optimize')).toBeGreaterThan(1)
  await silver.merge(['u', 10, 'ours'], ['c', 6, 'v6'])
  expect(await deltalake('delete', { where: 'id = 9' })).toBe(1)
  await silver.merge(['u', 1, 'x1'])
  expect(await silver.rows()).toEqual({ 1: 'x1', 2: 'ours again', 3: 'after', 5: 'v5', 6: 'v6', 10: 'ours' })
  await silver.same()
})

test('a checkpoint of theirs, alone and with the commits before it gone', async () => {
  await silver.merge(['u', 2, 'ours'])
  await deltalake('checkpoint')
  const { version } = (await loadSnapshot(silver.table))!
  for (let old = 0; old < version; old++) await silver.table.store.delete(commitPath(silver.table, old))
  const progress = [...(await loadSnapshot(silver.table))!.txns]
  expect(progress).toEqual([...(await silver.events.lake.current(SilverOfEvents.path))!.txns])
  expect(progress.length).toBe(1)
  await silver.merge(['u', 3, 'after'], ['d', 1])
  expect(await silver.rows()).toEqual({ 2: 'ours', 3: 'after', 4: 'v4', 5: 'v5' })
  await silver.same()
})

test('cleanup_metadata leaves what is needed', async () => {
  await silver.checkpoint()
  await deltalake('cleanup')
  await silver.merge(['u', 3, 'after'])
  expect(await silver.rows()).toEqual({ 1: 'w1', 2: 'v2', 3: 'after', 4: 'v4', 5: 'v5' })
  await silver.same()
})
