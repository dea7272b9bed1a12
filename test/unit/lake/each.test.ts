import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { each } from '../../../lake/each.ts'

test('results in order, never more at once than allowed', async () => {
  let running = 0
  let most = 0
  const results = await each([5, 1, 4, 2, 3], 2, async n => {
    most = Math.max(most, ++running)
    await sleep(n)
    running--
    return n * 10
  })
  expect(results).toEqual([50, 10, 40, 20, 30])
  expect(most).toBe(2)
})

test('the first failure rejects, and what was not begun stays so', async () => {
  const begun: number[] = []
  const work = async (n: number) => {
    begun.push(n)
    await sleep(1)
    if (n === 2) throw new Error('two')
  }
  await expect(each([1, 2, 3, 4, 5, 6, 7], 2, work)).rejects.toThrow('two')
  await sleep(10)
  expect(begun).not.toContain(7)
})

test('nothing to do', async () => {
  expect(await each([], 4, async () => 1)).toEqual([])
})
