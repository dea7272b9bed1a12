// Scenarios of cdc-spec §8 where positions stop being comparable: failover, reset, new topics, more partitions (docs/order.md).
import { expect, it } from 'vitest'
import { decideFor } from '../../../processors/decisions.ts'
import { c, d, Forge, r, start, t, u } from './forge.ts'

const day = 86_400_000

it('scenario 18: after a failover Kafka’s order decides between servers of other numbers', async () => {
  for (const order of [1, undefined]) {
    await using s = await Forge.open()
    const tx = order === undefined ? {} : { order }
    await s.step(c(1, 'a', { gtid: 'a:900', file: 'bin.000107', pos: 500, ...tx }))
    await s.step(u(1, 'b', { gtid: 'b:950', file: 'bin.000012', pos: 40, ...tx }))
    await s.step(u(1, 'c', { gtid: 'b:951', file: 'bin.000012', pos: 60, ...tx }))
    expect(s.halted).toEqual({})
    expect(await s.silver()).toEqual([['1', 'c']])
    expect(await s.identical()).toBe('identical')
  }
})

it('scenario 18 without GTIDs: a lower file number that was never seen begins another log, and what the old one sends again is known', async () => {
  for (const cut of [1, 2, 4, 7]) {
    await using s = await Forge.open()
    const old = [c(1, 'a', { file: 'bin.000107', pos: 500 }), u(1, 'b', { file: 'bin.000107', pos: 600 })]
    const after = [
      u(1, 'c', { file: 'bin.000012', pos: 40, ts: start + 700 }),
      u(1, 'd', { file: 'bin.000012', pos: 50, ts: start + 800 }),
    ]
    const last = u(1, 'e', { file: 'bin.000013', pos: 4, ts: start + 900 })
    const all = [...old, after[0]!, old[1]!, after[1]!, old[0]!, old[1]!, last, after[1]!]
    for (let at = 0; at < all.length; at += cut) await s.step(...all.slice(at, at + cut))
    expect(s.halted).toEqual({})
    expect(await s.silver()).toEqual([['1', 'e']])
    expect((await s.history('t', 'v')).map(([, v]) => v)).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(await s.identical()).toBe('identical')
  }
})

it('scenario 18 without GTIDs: what is sent again begins no other log, so that the places go on to compare', async () => {
  for (const cut of [1, 9]) {
    await using s = await Forge.open()
    const [first, second] = [c(1, 'a', { file: 'bin.000007', pos: 100 }), u(1, 'b', { file: 'bin.000008', pos: 50 })]
    const late = r(1, 'a', { file: 'bin.000007', pos: 100, snapshot: 'incremental', ts: start + day })
    const all = [first, second, first, late, second]
    for (let at = 0; at < all.length; at += cut) await s.step(...all.slice(at, at + cut))
    expect(await s.silver()).toEqual([['1', 'b']])
    expect(await s.identical()).toBe('identical')
  }
})

it('scenario 18 without GTIDs: nor does the log of before, sent again with its higher numbers', async () => {
  for (const cut of [1, 9]) {
    await using s = await Forge.open()
    const old = c(1, 'a', { file: 'bin.000107', pos: 500 })
    const young = [
      u(1, 'b', { file: 'bin.000012', pos: 40, ts: start + 700 }),
      c(2, 'x', { file: 'bin.000012', pos: 60, ts: start + 800 }),
    ]
    const late = r(2, 'w', { file: 'bin.000012', pos: 50, snapshot: 'incremental', ts: start + day })
    const all = [old, ...young, old, u(1, 'c', { file: 'bin.000013', pos: 4, ts: start + 900 }), late]
    for (let at = 0; at < all.length; at += cut) await s.step(...all.slice(at, at + cut))
    expect(await s.silver()).toEqual([
      ['1', 'c'],
      ['2', 'x'],
    ])
    expect(await s.identical()).toBe('identical')
  }
})

it('scenario 22: reset numbers halt the table, say what to type, and apply after it', async () => {
  await using s = await Forge.open()
  await s.step(c(1, 'a', { gtid: 'a:900', order: 1, pos: 900 }), c(2, 'x', { gtid: 'a:901', order: 1, pos: 950 }))
  await s.step(
    u(1, 'b', { gtid: 'a:5', order: 1, pos: 90, ts: start + day }),
    c(3, 'y', { gtid: 'a:6', order: 1, pos: 95, ts: start + day }),
  )
  expect(s.halted['shop.t']).toMatchObject({ code: 'TABLE_HALTED', reason: expect.stringContaining('binlake resume shop.t') })
  expect(s.halted['shop.t']!.reason).toContain('partition 0, offset 2')
  expect(await s.silver()).toEqual([
    ['1', 'a'],
    ['2', 'x'],
  ])
  const content = { life: 0, places: [{ partition: 0, offset: '2' }] }
  await decideFor(s.events, [{ table: { database: 'shop', table: 't' }, kind: 'epoch', content }])
  await s.restart()
  await s.refine()
  expect(s.halted).toEqual({})
  await s.step(
    u(2, 'z', { gtid: 'a:7', order: 1, pos: 99, ts: start + day }),
    u(1, 'b', { gtid: 'a:5', order: 1, pos: 90, ts: start + day }),
  )
  expect(await s.silver()).toEqual([
    ['1', 'b'],
    ['2', 'z'],
    ['3', 'y'],
  ])
  expect(await s.history()).toHaveLength(5)
  expect(await s.identical()).toBe('identical')
})

it('scenario 26: a topic that was created again is read from its beginning, as the next epoch', async () => {
  await using s = await Forge.open()
  await s.step(c(1, 'a'), u(1, 'b'), c(2, 'x'), d(2))
  s.life = 'topic-2'
  await s.step(u(1, 'c', { pos: 5 }), c(2, 'y', { pos: 6 }))
  await s.compactBronze()
  await s.restart()
  await s.step(u(1, 'd', { pos: 7 }), u(1, 'c', { pos: 5 }))
  expect(s.halted).toEqual({})
  expect(await s.silver()).toEqual([
    ['1', 'd'],
    ['2', 'y'],
  ])
  expect((await s.history('t', 'v')).map(([, v]) => v)).toEqual(['a', 'b', 'x', null, 'c', 'y', 'd'])
  expect(await s.identical()).toBe('identical')
  s.life = 'topic-3'
  await s.step(u(1, 'e', { pos: 4 }))
  expect(await s.silver('t', 'v')).toEqual([['e'], ['y']])
  expect(await s.identical()).toBe('identical')
})

it('scenario 27: of a key that moved to another partition the newest wins by GTID, whichever was read first', async () => {
  for (const first of [0, 3]) {
    await using s = await Forge.open()
    await s.step(c(1, 'a', { gtid: 'a:1', order: 1, pos: 10 }))
    const old = u(1, 'old', { gtid: 'a:2', order: 1, pos: 20, partition: 0 })
    const moved = u(1, 'new', { gtid: 'a:3', order: 1, pos: 30, partition: 3 })
    await s.steps(...(first === 0 ? [old, moved] : [moved, old]))
    expect(s.halted).toEqual({})
    expect(await s.silver()).toEqual([['1', 'new']])
    await s.step(u(1, 'newest', { gtid: 'a:4', order: 1, pos: 40, partition: 3 }), old, moved)
    expect(await s.silver()).toEqual([['1', 'newest']])
    expect(await s.identical()).toBe('identical')
  }
})

it('scenario 27: of a key that moved, without anything that tells, the table halts, and goes on from there when told so', async () => {
  await using s = await Forge.open()
  await s.step(c(1, 'a', { gtid: 'a:1', order: 1, pos: 10 }), c(2, 'b', { gtid: 'a:2', order: 1, pos: 20 }))
  await s.step(u(1, 'moved', { gtid: 'b:1', order: 1, pos: 5, file: 'other.000001', partition: 1 }))
  expect(s.halted['shop.t']!.reason).toContain('partitions added')
  const content = { life: 0, places: [{ partition: 1, offset: '0' }] }
  await decideFor(s.events, [{ table: { database: 'shop', table: 't' }, kind: 'epoch', content }])
  await s.refine()
  expect(s.halted).toEqual({})
  expect(await s.silver('t', 'v')).toEqual([['b'], ['moved']])
  expect(await s.identical()).toBe('identical')
})

it('scenario 28: a truncate in one partition ends older rows of all, also those that come after it', async () => {
  const all = [t({ pos: 50, partition: 0 }), c(1, 'a', { pos: 40, partition: 1 }), c(2, 'b', { pos: 60, partition: 1 })]
  for (const order of [
    [0, 1, 2],
    [1, 0, 2],
    [1, 2, 0],
  ]) {
    for (const together of [true, false]) {
      await using s = await Forge.open()
      // Both partitions are known from the start.
      await s.step(c(8, 'x', { pos: 10, partition: 1 }), c(9, 'y', { pos: 20, partition: 0 }))
      const records = order.map(i => all[i]!)
      await (together ? s.step(...records) : s.steps(...records))
      expect(s.halted).toEqual({})
      expect(await s.silver()).toEqual([['2', 'b']])
      await s.steps(all[1]!, c(3, 'z', { pos: 45, partition: 1 }), c(4, 'n', { pos: 70, partition: 1 }))
      expect(await s.silver()).toEqual([
        ['2', 'b'],
        ['4', 'n'],
      ])
      expect(await s.identical()).toBe('identical')
    }
  }
})

it('a key that moved to another partition keeps its newest change, in one step or in many', async () => {
  const at = (n: number, partition: number) => ({ gtid: `a:${n}`, order: 1, partition })
  const all = [c(1, 'a', at(1, 0)), u(1, 'b', at(2, 0)), u(1, 'c', at(3, 1)), c(2, 'x', at(4, 0)), u(2, 'y', at(5, 1))]
  for (const size of [1, 2, 5]) {
    await using s = await Forge.open()
    for (let from = 0; from < all.length; from += size) await s.step(...all.slice(from, from + size))
    expect(await s.silver('t', 'v')).toEqual([['c'], ['y']])
    expect(await s.identical()).toBe('identical')
  }
})
