// Spark writes to a silver table of ours; binlake reads it, goes on merging, and every engine reads that again.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
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

test('MERGE INTO, OPTIMIZE, DELETE and UPDATE', async () => {
  await silver.spark(`MERGE INTO {table} t USING (SELECT explode(array(2, 9)) AS id) s ON t.id = s.id
    WHEN MATCHED THEN UPDATE SET v = 'spark' WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, 'new')`)
  expect(await silver.rows()).toEqual({ 1: 'w1', 2: 'spark', 3: 'v3', 4: 'v4', 5: 'v5', 9: 'new' })
  await silver.merge(['u', 3, 'after'], ['d', 4], ['c', 6, 'v6'], ['u', 2, 'ours again'])
  expect(await silver.rows()).toEqual({ 1: 'w1', 2: 'ours again', 3: 'after', 5: 'v5', 6: 'v6', 9: 'new' })
  await silver.same()

  const [optimized] = await silver.spark(["INSERT INTO {table} (id, v) VALUES (7, 's7')", 'OPTIMIZE {table}'])
  expect(optimized).toMatchObject({ metrics: { numFilesAdded: 1 } })
  expect((await silver.events.lake.current(SilverOfEvents.path))!.files.size).toBe(1)
  await silver.merge(['u', 3, 'x3'], ['d', 5], ['u', 7, 'x7'])
  expect(await silver.rows()).toEqual({ 1: 'w1', 2: 'ours again', 3: 'x3', 6: 'v6', 7: 'x7', 9: 'new' })

  await silver.spark(['DELETE FROM {table} WHERE id = 2', "UPDATE {table} SET v = 'touched' WHERE id >= 6"])
  expect(await silver.rows()).toEqual({ 1: 'w1', 3: 'x3', 6: 'touched', 7: 'touched', 9: 'touched' })
  await silver.merge(['u', 2, 'back'], ['u', 6, 'ours'])
  expect(await silver.rows()).toEqual({ 1: 'w1', 2: 'back', 3: 'x3', 6: 'ours', 7: 'touched', 9: 'touched' })
  await silver.same()
})

test('ALTER TABLE ADD COLUMN: the column stays; a replay gives the table of the source again', async () => {
  await silver.spark(['ALTER TABLE {table} ADD COLUMN (note STRING)', "UPDATE {table} SET note = 'n' WHERE id = 1"])
  await silver.merge(['u', 2, 'after'], ['c', 6, 'v6'])
  expect(await silver.events.rows(SilverOfEvents.path, 'id', 'v', 'note')).toEqual([
    ['1', 'w1', 'n'],
    ['2', 'after', null],
    ['3', 'v3', null],
    ['4', 'v4', null],
    ['5', 'v5', null],
    ['6', 'v6', null],
  ])
  await silver.same()
  await silver.events.replay()
  expect(await silver.rows()).toEqual({ 1: 'w1', 2: 'after', 3: 'v3', 4: 'v4', 5: 'v5', 6: 'v6' })
  await silver.same()
})

test('RESTORE: rows go back, progress does not; a replay brings both together', async () => {
  await silver.spark('RESTORE TABLE {table} TO VERSION AS OF 0')
  expect(await silver.rows()).toEqual({ 1: 'v1', 2: 'v2', 3: 'v3', 4: 'v4' })
  await silver.merge(['u', 3, 'after'], ['c', 6, 'v6'])
  expect(await silver.rows()).toEqual({ 1: 'v1', 2: 'v2', 3: 'after', 4: 'v4', 6: 'v6' })
  await silver.same()
  await silver.events.replay()
  expect(await silver.rows()).toEqual({ 1: 'w1', 2: 'v2', 3: 'after', 4: 'v4', 5: 'v5', 6: 'v6' })
  await silver.same()
})

test("checkpoints by turns; Spark's sums of the files we replace go with them", async () => {
  const log = join(folderOf(silver.table), '_delta_log')
  await silver.spark([
    "ALTER TABLE {table} SET TBLPROPERTIES ('delta.checkpointInterval' = '1')",
    "UPDATE {table} SET v = 's' WHERE id = 1",
  ])
  expect(existsSync(join(log, '._last_checkpoint.crc'))).toBe(true)
  await silver.checkpoint()
  expect(existsSync(join(log, '._last_checkpoint.crc'))).toBe(false)
  await silver.merge(['u', 2, 'ours'])
  await silver.checkpoint()
  await silver.same()
  await silver.spark("UPDATE {table} SET v = 's' WHERE id = 3")
  await silver.merge(['u', 4, 'ours'])
  expect(await silver.rows()).toEqual({ 1: 's', 2: 'ours', 3: 's', 4: 'ours', 5: 'v5' })
  await silver.same()
})
