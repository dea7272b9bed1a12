// Another engine changes bronze between our append and our merge.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { Others } from './others.ts'
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

const history = async () => (await silver.events.rows('silver/shop/t_history', '_seq', 'id', 'v')).map(row => row.join(' '))
const before = ['0 1 v1', '1 2 v2', '2 3 v3', '3 4 v4', '4 1 w1', '5 5 v5']

test('OPTIMIZE, of rows that silver has taken and of rows that it has not: none comes twice', async () => {
  await silver.spark('OPTIMIZE {table}', silver.bronze)
  await silver.merge(['u', 2, 'w2'])
  await silver.ingest(['u', 3, 'w3'])
  await silver.spark('OPTIMIZE {table}', silver.bronze)
  await silver.merge(['c', 6, 'v6'])
  expect(await silver.rows()).toEqual({ 1: 'w1', 2: 'w2', 3: 'w3', 4: 'v4', 5: 'v5', 6: 'v6' })
  expect(await history()).toEqual([...before, '6 2 w2', '7 3 w3', '8 6 v6'])
  await silver.same()
  expect((await silver.events.replay())?.verdict).toBe('identical')
})

test('DELETE of rows that silver has taken: silver keeps them, rows written anew are not taken twice; a replay lets them go', async () => {
  await silver.spark('OPTIMIZE {table}', silver.bronze)
  await silver.spark('DELETE FROM {table} WHERE _offset = 1', silver.bronze)
  await silver.merge(['u', 3, 'w3'])
  expect(await silver.rows()).toEqual({ 1: 'w1', 2: 'v2', 3: 'w3', 4: 'v4', 5: 'v5' })
  expect(await history()).toEqual([...before, '6 3 w3'])
  await silver.events.replay()
  expect(await silver.rows()).toEqual({ 1: 'w1', 3: 'w3', 4: 'v4', 5: 'v5' })
})

test('DELETE of rows that silver has not taken yet', async () => {
  await silver.ingest(['u', 2, 'w2'], ['u', 3, 'w3'])
  await silver.spark('DELETE FROM {table} WHERE _offset = 6', silver.bronze)
  await silver.merge(['c', 6, 'v6'])
  await silver.events.refine()
  expect(await silver.rows()).toEqual({ 1: 'w1', 2: 'w2', 3: 'w3', 4: 'v4', 5: 'v5', 6: 'v6' })
  expect(await history()).toEqual([...before, '6 2 w2', '7 3 w3', '8 6 v6'])
})

test('VACUUM of files that silver has not taken yet: the merge stops without a change; a replay takes what is live', async () => {
  await silver.ingest(['u', 2, 'w2'], ['u', 3, 'w3'])
  await silver.spark(
    ['DELETE FROM {table} WHERE _offset = 6', 'OPTIMIZE {table}', 'VACUUM {table} RETAIN 0 HOURS'],
    silver.bronze,
  )
  await expect(silver.merge(['c', 6, 'v6'])).rejects.toMatchObject({ code: 'STORE_MISSING' })
  expect(await silver.rows()).toEqual({ 1: 'w1', 2: 'v2', 3: 'v3', 4: 'v4', 5: 'v5' })
  await silver.events.replay()
  expect(await silver.rows()).toEqual({ 1: 'w1', 2: 'v2', 3: 'w3', 4: 'v4', 5: 'v5', 6: 'v6' })
  await silver.merge(['u', 6, 'w6'])
  expect((await silver.rows())[6]).toBe('w6')
})
