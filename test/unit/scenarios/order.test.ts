// Scenarios of cdc-spec §8 about the order of changes (docs/order.md).
import { expect, it } from 'vitest'
import { c, d, Forge, r, start, t, tombstone, u } from './forge.ts'

it('scenario 1: changes of one transaction apply in their order, each a version', async () => {
  await using s = await Forge.open()
  const in1 = { gtid: 'a:1', ts: start }
  await s.step(c(1, 'a', { ...in1, order: 1 }), u(1, 'b', { ...in1, order: 2 }), u(1, 'c', { ...in1, order: 3 }))
  expect(await s.silver()).toEqual([['1', 'c']])
  expect(await s.history('t', 'v')).toEqual(versions('c a, u b, u c'))
  expect(await s.identical()).toBe('identical')
})

it('scenario 2: a run sent again changes nothing, and at no commit does the row go back', async () => {
  await using s = await Forge.open()
  const [first, b, last] = [c(1, 'a'), u(1, 'b'), u(1, 'c')]
  await s.step(first, b, last)
  for (const again of [b, last]) {
    await s.step(again)
    expect(await s.silver()).toEqual([['1', 'c']])
  }
  expect(await s.history('t', 'v')).toEqual(versions('c a, u b, u c'))
  expect(await s.identical()).toBe('identical')
})

it('scenario 3: a batch that ends within the run sent again', async () => {
  await using s = await Forge.open()
  const [first, b, last] = [c(1, 'a'), u(1, 'b'), u(1, 'c')]
  await s.step(first, b, last, b)
  expect(await s.silver()).toEqual([['1', 'c']])
  await s.restart()
  await s.step(last)
  expect(await s.silver()).toEqual([['1', 'c']])
  expect(await s.history('t', 'v')).toEqual(versions('c a, u b, u c'))
  expect(await s.identical()).toBe('identical')
})

it('scenario 4: a deleted and inserted row survives its delete and tombstone sent again', async () => {
  const [gone, grave, back] = [d(1), tombstone(1), c(1, 'x')]
  for (const cuts of [[[gone, grave, back, gone, grave, back]], [gone, grave, back, gone, grave, back].map(one => [one])]) {
    await using s = await Forge.open()
    await s.step(c(1, 'a', { pos: 5 }))
    for (const cut of cuts) await s.step(...cut)
    expect(await s.silver()).toEqual([['1', 'x']])
    expect(await s.history('t', 'v')).toEqual(versions('c a, d -, c x'))
    expect(await s.identical()).toBe('identical')
  }
})

it('scenario 5: a tombstone alone deletes: compaction removed the delete before it', async () => {
  for (const together of [true, false]) {
    await using s = await Forge.open()
    const records = [c(1, 'a'), c(2, 'b'), tombstone(1), u(2, 'c')]
    await (together ? s.step(...records) : s.steps(...records))
    expect(await s.silver()).toEqual([['2', 'c']])
    expect(await s.markers()).toEqual([['1']])
    expect(await s.identical()).toBe('identical')
  }
})

it('scenario 6: a change that comes late does not bring a deleted row back', async () => {
  await using s = await Forge.open()
  await s.steps(c(1, 'z', { pos: 5 }), d(1, { pos: 20 }), u(1, 'a', { pos: 10 }))
  expect(await s.silver()).toEqual([])
  expect(await s.markers()).toEqual([['1']])
  expect(await s.identical()).toBe('identical')
})

it('scenario 7: binlog.1000000 comes after binlog.999999', async () => {
  await using s = await Forge.open()
  await s.steps(c(1, 'a', { file: 'binlog.999999', pos: 900 }), u(1, 'b', { file: 'binlog.1000000', pos: 4 }))
  await s.steps(u(1, 'late', { file: 'binlog.1000000', pos: 3 }))
  expect(await s.silver()).toEqual([['1', 'b']])
  expect(await s.identical()).toBe('identical')
})

it('scenario 8: position 1000 comes after 900', async () => {
  await using s = await Forge.open()
  await s.step(c(1, 'a', { pos: 900 }), u(1, 'b', { pos: 1000 }), u(1, 'late', { pos: 950 }))
  expect(await s.silver()).toEqual([['1', 'b']])
  expect(await s.identical()).toBe('identical')
})

it('scenario 9: rows of one binlog event keep their order', async () => {
  await using s = await Forge.open()
  await s.step(c(1, 'a', { pos: 10, row: 0 }), u(1, 'b', { pos: 10, row: 1 }))
  await s.step(c(1, 'a', { pos: 10, row: 0 }))
  expect(await s.silver()).toEqual([['1', 'b']])
  expect(await s.history('t', 'v')).toEqual(versions('c a, u b'))
  expect(await s.identical()).toBe('identical')
})

it('scenario 14: a connector that should be dead sends old events after new ones', async () => {
  await using s = await Forge.open()
  const log = ['1', '2', '3', '4', '5', '6', '7'].map((v, i) => (i === 0 ? c(1, v) : u(1, v)))
  await s.step(...log)
  await s.step(log[2]!, log[3]!)
  expect(await s.silver()).toEqual([['1', '7']])
  expect(await s.history()).toHaveLength(7)
  expect(await s.identical()).toBe('identical')
})

it('scenario 15: an old row of a late incremental snapshot is older, whatever its clock says', async () => {
  await using s = await Forge.open()
  await s.step(c(1, 'v1', { pos: 80 }), u(1, 'v2', { pos: 100, ts: start }))
  await s.step(r(1, 'v1', { pos: 90, ts: start + 300_000, snapshot: 'incremental' }))
  expect(s.halted).toEqual({})
  expect(await s.silver()).toEqual([['1', 'v2']])
  expect(await s.identical()).toBe('identical')
})

it('scenario 16: a change after an incremental snapshot row is newer, whatever their clocks say', async () => {
  await using s = await Forge.open()
  await s.step(r(1, 'v1', { pos: 100, ts: start + 3_600_000, snapshot: 'incremental' }))
  await s.step(u(1, 'v2', { pos: 110, ts: start }))
  expect(await s.silver()).toEqual([['1', 'v2']])
  expect(await s.identical()).toBe('identical')
})

it('scenario 29: a row that the snapshot and the stream both tell of is one row', async () => {
  await using s = await Forge.open()
  await s.step(r(1, 'a', { pos: 100 }), c(1, 'a', { pos: 110 }))
  expect(await s.silver()).toEqual([['1', 'a']])
  expect(await s.identical()).toBe('identical')
})

it('scenario 30: an update of a row that was never inserted is an upsert', async () => {
  await using s = await Forge.open()
  await s.steps(u(1, 'a'), u(1, 'b'))
  expect(await s.silver()).toEqual([['1', 'b']])
  expect(await s.identical()).toBe('identical')
})

it('scenario 45: values that come back are versions of their own', async () => {
  await using s = await Forge.open()
  await s.step(c(1, '1'), u(1, '2'), u(1, '1'), u(1, '2'))
  expect(await s.history('t', 'v')).toEqual(versions('c 1, u 2, u 1, u 2'))
  expect(await s.identical()).toBe('identical')
})

it('scenario 47: whatever a connector writes for «no snapshot» is streaming', async () => {
  await using s = await Forge.open()
  const of = [null, undefined, false, 'false']
  await s.step(...of.map((snapshot, i) => c(i, 'a', { snapshot, pos: 10 + i, row: i })))
  await s.step(...of.map((snapshot, i) => u(i, 'b', { snapshot, pos: 20 + i, row: i })))
  // Were they a snapshot's, their row numbers would not count.
  await s.step(...of.map((snapshot, i) => u(i, 'c', { snapshot, pos: 20 + i, row: i + 1 })))
  expect(await s.silver()).toEqual(of.map((_, i) => [String(i), 'c']))
  expect(await s.identical()).toBe('identical')
})

it('scenario 51: a sum over silver after each step: 10, 15, 15, 0, 0', async () => {
  await using s = await Forge.open()
  const [raised, gone] = [u(1, '15'), d(1)]
  const sums: number[] = []
  for (const record of [c(1, '10'), raised, raised, gone, gone]) {
    await s.step(record)
    sums.push((await s.silver('t', 'v')).reduce((sum, [v]) => sum + Number(v), 0))
  }
  expect(sums).toEqual([10, 15, 15, 0, 0])
  expect(await s.identical()).toBe('identical')
})

it('scenario 52: versions of one moment stand in their order, and one of them is open', async () => {
  await using s = await Forge.open()
  const same = { ts: start }
  await s.step(c(1, 'a', same), u(1, 'b', same), u(1, 'c', same))
  await s.step(r(1, 'c', { pos: 100 }))
  const rows = await s.events.rows('silver/shop/t_history', '_seq', 'v', '_valid_from')
  expect(rows.map(([seq, v]) => `${seq} ${v}`).slice(0, 3)).toEqual(['0 a', '1 b', '2 c'])
  expect(new Set(rows.slice(0, 3).map(([, , from]) => from)).size).toBe(1)
  expect(await s.silver()).toEqual([['1', 'c']])
  expect(await s.identical()).toBe('identical')
})

it('a truncate ends what was there, and not what came after it', async () => {
  await using s = await Forge.open()
  const cut = t({ pos: 50 })
  await s.step(c(1, 'a', { pos: 10 }), c(2, 'b', { pos: 20 }), cut, c(2, 'new', { pos: 60 }))
  await s.step(cut, c(3, 'x', { pos: 70 }))
  expect(await s.silver()).toEqual([
    ['2', 'new'],
    ['3', 'x'],
  ])
  expect(await s.identical()).toBe('identical')
})

/** `c a, d -` as rows of history. */
function versions(text: string): (string | null)[][] {
  return text.split(', ').map(one => one.split(' ').map(word => (word === '-' ? null : word)))
}
