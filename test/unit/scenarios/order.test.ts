// Scenarios of cdc-spec §8 about the order of changes (docs/order.md).
import { expect, it } from 'vitest'
import { c, d, Forge, u } from './forge.ts'

it('scenario 1: changes of one transaction apply in their order, each a version', async () => {
  await using s = await Forge.open()
  const in1 = { gtid: 'a:1', ts: 1_800_000_000_000 }
  await s.step(c(1, 'a', { ...in1, order: 1 }), u(1, 'b', { ...in1, order: 2 }), u(1, 'c', { ...in1, order: 3 }))
  expect(await s.silver()).toEqual([['1', 'c']])
  expect(await s.history()).toEqual([
    ['c', '1', 'a'],
    ['u', '1', 'b'],
    ['u', '1', 'c'],
  ])
  expect(await s.identical()).toBe('identical')
})

it('scenario 2: a run sent again changes nothing, however it is cut', async () => {
  await using s = await Forge.open()
  const [first, b, last] = [c(1, 'a'), u(1, 'b'), u(1, 'c')]
  await s.steps(first, b, last, b, last)
  await s.restart()
  await s.step(d(2, { pos: 50 }))
  expect(await s.silver()).toEqual([['1', 'c']])
  expect(await s.history('t', 'v')).toEqual([
    ['c', 'a'],
    ['u', 'b'],
    ['u', 'c'],
    ['d', null],
  ])
  expect(await s.markers()).toEqual([['2']])
  expect(await s.identical()).toBe('identical')
})
