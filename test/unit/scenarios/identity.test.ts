// Scenarios of cdc-spec §8 about events sent twice (§3): what is the same event, and what only looks so (docs/order.md).
import { expect, it } from 'vitest'
import { lakeStatus } from '../../../processors/status.ts'
import { keyless } from '../processors/lake-of-events.ts'
import { c, d, Forge, start, u } from './forge.ts'

it('scenario 19: the same transaction read again from another server is the same event', async () => {
  await using s = await Forge.open()
  const first = { gtid: 'a:900', order: 1, file: 'bin.000107', pos: 500, ts: start }
  await s.step(c(1, 'x', { ...first, gtid: 'a:899', pos: 400 }), u(1, 'y', first))
  await s.step(u(1, 'z', { gtid: 'a:901', order: 1, file: 'bin.000107', pos: 600, ts: start + 1 }))
  await s.restart()
  await s.step(u(1, 'y', { ...first, file: 'bin.000012', pos: 77 }))
  expect(await s.silver()).toEqual([['1', 'z']])
  expect(await s.history('t', 'v')).toHaveLength(3)
  expect(await s.identical()).toBe('identical')
})

it('scenario 20: three updates of a compressed transaction share their place and are three versions', async () => {
  await using s = await Forge.open()
  const packed = (order: number) => ({ gtid: 'a:7', order, pos: 40, row: 0, ts: start })
  const three = [u(1, 'a', packed(1)), u(1, 'b', packed(2)), u(1, 'c', packed(3))]
  await s.step(c(1, 'z', { gtid: 'a:6', order: 1, pos: 10 }), ...three)
  await s.step(...three.slice(1))
  expect(await s.silver()).toEqual([['1', 'c']])
  expect((await s.history('t', 'v')).map(([, v]) => v)).toEqual(['z', 'a', 'b', 'c'])
  expect(await s.identical()).toBe('identical')
})

it('scenario 20, prepared by XA: without any order in the transaction, what differs is an event of its own, and Kafka says which came later', async () => {
  for (const cut of [1, 3, 4, 6]) {
    await using s = await Forge.open()
    const at = (row: number, before: string) => ({ gtid: 'a:7', pos: 40, row, ts: start, before: { id: 1, v: before } })
    const gone = d(2, { ...at(0, ''), before: { id: 2, v: 'y' } })
    const sent = [
      c(1, 'a', { gtid: 'a:6', order: 1, pos: 10 }),
      c(2, 'x', { gtid: 'a:6', order: 2, pos: 20 }),
      u(1, 'b', at(0, 'a')),
      u(2, 'y', { ...at(20, ''), before: { id: 2, v: 'x' } }),
      u(1, 'a', at(0, 'b')),
      u(1, 'b', at(0, 'a')),
      gone,
    ]
    await s.step(...sent.slice(0, cut))
    await s.step(...sent.slice(cut))
    expect(await s.silver()).toEqual([['1', 'b']])
    expect((await s.history('t', 'v')).map(([, v]) => v)).toHaveLength(7)
    // A restart sends all of the transaction again; what is said alike each time is known, and the end is the same.
    await s.restart()
    await s.step(...sent.slice(2, 4))
    await s.step(...sent.slice(4))
    expect(await s.silver()).toEqual([['1', 'b']])
    expect(await s.identical()).toBe('identical')
  }
})

it('scenario 20, prepared by XA, of a table without a key: rows of several statements at one place are all counted, and once', async () => {
  for (const ids of [{ gtid: 'a:7' }, {}]) {
    await using s = await Forge.open({ schemas: [keyless] })
    const at = { ...ids, pos: 40, ts: start, kafkaKey: null }
    const sent = [3, 0, 0, 0].map((row, i) => c(i, 'abcd'[i]!, { ...at, row }))
    await s.step(c(9, 'z', { pos: 10, kafkaKey: null, ...(ids.gtid ? { gtid: 'a:6', order: 1 } : {}) }), ...sent.slice(0, 2))
    await s.step(...sent.slice(2))
    await s.step(...sent)
    expect((await s.silver()).map(([, v]) => v).sort()).toEqual(['a', 'b', 'c', 'd', 'z'])
    expect(await s.identical()).toBe('identical')
  }
})

it('scenario 21: before 3.6.1 a restart within a transaction counts it from the start: no row is lost or doubled', async () => {
  for (const cut of [1, 3, 6]) {
    await using s = await Forge.open()
    const in35 = (row: number, order: number) => ({ version: '3.5.2.Final', gtid: 'a:7', order, pos: 40, row, ts: start })
    const first = [1, 2, 3].map(i => c(i, `v${i}`, in35(i - 1, i)))
    // The restart sends row 2 again, and counts it as the first of the transaction: the number that row 1 had.
    const again = [2, 3, 4].map((i, nth) => c(i, `v${i}`, in35(i - 1, nth + 1)))
    const changed = u(1, 'w', { ...in35(4, 1), pos: 50 })
    const all = [...first, ...again, changed]
    await s.step(...all.slice(0, cut))
    await s.step(...all.slice(cut))
    expect(await s.silver()).toEqual([
      ['1', 'w'],
      ['2', 'v2'],
      ['3', 'v3'],
      ['4', 'v4'],
    ])
    expect(await s.history()).toHaveLength(5)
    expect(await s.identical()).toBe('identical')
  }
})

it('scenario 56: after an upgrade to 3.6.1 an event sent again gains a place in its transaction, and is still known', async () => {
  await using s = await Forge.open()
  const place = { gtid: 'a:7', pos: 40, ts: start }
  await s.step(
    c(1, 'a', { ...place, version: '3.5.2.Final' }),
    u(1, 'b', { ...place, version: '3.5.2.Final', gtid: 'a:8', pos: 50 }),
  )
  await s.step(c(1, 'a', { ...place, order: 1 }))
  expect(await s.silver()).toEqual([['1', 'b']])
  expect(await s.history()).toHaveLength(2)
  expect(await s.identical()).toBe('identical')
})

it('an event far back is known again when bronze has been compacted and all parts began anew', async () => {
  await using s = await Forge.open()
  const old = c(1, 'a', { gtid: 'a:1', order: 1, file: 'bin.000107', pos: 10 })
  await s.step(old)
  // Another server goes on, whose numbers do not compare with the first one's.
  for (let i = 1; i <= 5; i++) await s.step(u(1, `b${i}`, { gtid: `b:${i}`, order: 1, file: 'bin.000012', pos: i * 10 }))
  await s.compactBronze()
  await s.restart()
  await s.step(old)
  expect(await s.silver()).toEqual([['1', 'b5']])
  expect(await s.identical()).toBe('identical')
})

it('equal numbers at quite another time are used again, not sent again', async () => {
  await using s = await Forge.open()
  const place = { gtid: 'a:1', order: 1, pos: 10 }
  await s.step(c(1, 'a', { ...place, ts: start }), d(1, { gtid: 'a:2', order: 1, pos: 20 }))
  await s.step(c(2, 'b', { ...place, ts: start + 86_400_000 }), u(3, 'b', { ...place, ts: start + 86_400_000, row: 1 }))
  expect(await s.silver()).toEqual([
    ['2', 'b'],
    ['3', 'b'],
  ])
  expect(await s.identical()).toBe('identical')
})

it('scenario 55: a row that got another key, and whose insert under it never came, is told of', async () => {
  const place = { gtid: 'a:5', order: 1, pos: 50 }
  const gone = d(1, { ...place, headers: [['__debezium.newkey', '{"id":9}']] })
  const come = c(9, 'a', { ...place, order: 2, headers: [['__debezium.oldkey', '{"id":1}']] })
  for (const arrives of [true, false]) {
    await using s = await Forge.open()
    await s.step(c(1, 'a'), gone, ...(arrives ? [come] : []))
    await s.step(c(2, 'b', { pos: 60 }), c(3, 'c'), c(4, 'd'), c(5, 'e'))
    const { problems } = await lakeStatus({ duck: s.events.duck, lake: s.events.lake })
    const told = problems.filter(problem => problem.includes('got another key'))
    expect(told).toHaveLength(arrives ? 0 : 1)
    for (const text of told) expect(text).toContain('partition 0, offset 1, binlog.000001:50')
    expect(await s.identical()).toBe('identical')
  }
})
