// Scenarios of cdc-spec §8 about snapshots (docs/snapshots.md).
import { expect, it } from 'vitest'
import { c, d, Forge, r, raw, start, u } from './forge.ts'
import { look, note, snapshotOf } from './forged-snapshot.ts'

it('scenario 15: a row that an incremental snapshot read is older than what the stream brought, whatever its clock says', async () => {
  for (const together of [true, false]) {
    await using s = await Forge.open()
    const events = [u(1, 'v2', { pos: 100, ts: start }), r(1, 'v1', { pos: 90, ts: start + 300_000, snapshot: 'incremental' })]
    await (together ? s.step(...events) : s.steps(...events))
    expect(await s.silver()).toEqual([['1', 'v2']])
    expect(s.halted).toEqual({})
    expect(await s.identical()).toBe('identical')
  }
})

it('scenario 16: a change that follows the read row wins, whatever its clock says', async () => {
  for (const together of [true, false]) {
    await using s = await Forge.open()
    const events = [
      r(1, 'v1', { pos: 100, ts: start + 7_200_000, snapshot: 'incremental' }),
      u(1, 'v2', { pos: 110, ts: start + 3_600_000 }),
    ]
    await (together ? s.step(...events) : s.steps(...events))
    expect(await s.silver()).toEqual([['1', 'v2']])
    expect(await s.identical()).toBe('identical')
  }
})

it('scenario 17: of a key that changed within the window no row is read; the change stands', async () => {
  await using s = await Forge.open()
  const mark = { pos: 130, snapshot: 'incremental' }
  await s.step(c(1, 'a'), c(2, 'b'), c(3, 'c'))
  await s.step(u(2, 'changed', { pos: 120 }), r(1, 'a', mark), r(3, 'c', mark), c(4, 'later', { pos: 140 }))
  expect(await s.silver()).toEqual([
    ['1', 'a'],
    ['2', 'changed'],
    ['3', 'c'],
    ['4', 'later'],
  ])
  expect(await s.history('t', 'v')).toEqual([
    ['c', 'a'],
    ['c', 'b'],
    ['c', 'c'],
    ['u', 'changed'],
    ['c', 'later'],
  ])
  expect(await s.identical()).toBe('identical')
})

it('scenario 23: a new snapshot sweeps the row that was deleted meanwhile; the others get no version', async () => {
  for (const restarted of [false, true]) {
    await using s = await Forge.open()
    await s.step(c(1, 'a'), c(7, 'gone'), c(8, 'old'))
    await snapshotOf(s, [r(1, 'a', { pos: 500 }), r(8, 'new', { pos: 500 })])
    await s.refine()
    expect(await s.silver()).toHaveLength(3)
    expect(await look(s)).toBe(true)
    if (restarted) await s.restart()
    await s.refine()
    expect(await s.silver()).toEqual([
      ['1', 'a'],
      ['8', 'new'],
    ])
    expect(await s.markers()).toEqual([['7']])
    expect((await s.history('t', 'id', 'v', '_snapshot')).map(row => row.join(' ')).sort()).toEqual(
      ['c 1 a ', 'c 7 gone ', 'c 8 old ', 'd 7  sweep', 'r 8 new true'].sort(),
    )
    expect(await s.identical()).toBe('identical')
    // An event of the swept row that comes late, and the last one sent again, stay without effect; the row may come back.
    await s.step(u(7, 'late', { pos: 15 }))
    expect(await s.silver()).toHaveLength(2)
    await s.step(c(7, 'back', { pos: 600 }))
    expect(await s.silver()).toContainEqual(['7', 'back'])
    expect(await look(s)).toBe(false)
    expect(await s.identical()).toBe('identical')
  }
})

it('scenario 24: a table found empty by a new snapshot is empty', async () => {
  await using s = await Forge.open()
  const last = c(2, 'b')
  await s.step(c(1, 'a'), last)
  await snapshotOf(s, [])
  expect(await look(s)).toBe(true)
  await s.refine()
  expect(await s.silver()).toEqual([])
  expect(await s.markers()).toEqual([['1'], ['2']])
  expect(await s.identical()).toBe('identical')
  // The last event sent again, and a late one from before it.
  await s.step(last, u(2, 'late', { pos: 15 }), c(3, 'next', { pos: 900 }))
  expect(await s.silver()).toEqual([['3', 'next']])
  expect(await s.identical()).toBe('identical')
})

it('scenario 25: a snapshot that was aborted sweeps nothing; the one after it does', async () => {
  await using s = await Forge.open()
  await s.step(c(1, 'a'), c(2, 'b'))
  await s.ingest(note(s, 'STARTED'))
  await s.ingest(r(1, 'a', { pos: 500 }))
  await s.ingest(note(s, 'TABLE_SCAN_COMPLETED', { table: 'shop.t' }))
  await s.ingest(note(s, 'ABORTED'))
  expect(await look(s)).toBe(false)
  // Killed without a word, too.
  await s.ingest(note(s, 'STARTED'))
  await s.ingest(note(s, 'TABLE_SCAN_COMPLETED', { table: 'shop.t' }))
  expect(await look(s)).toBe(false)
  await s.refine()
  expect(await s.silver()).toHaveLength(2)
  await snapshotOf(s, [r(1, 'a', { pos: 510 })])
  expect(await look(s)).toBe(true)
  await s.refine()
  expect(await s.silver()).toEqual([['1', 'a']])
  expect(await s.identical()).toBe('identical')
})

it('scenario 29: a row that an at-least-once snapshot and the stream both bring is one', async () => {
  await using s = await Forge.open()
  await s.step(r(1, 'a', { pos: 100 }), c(1, 'a', { pos: 110 }))
  expect(await s.silver()).toEqual([['1', 'a']])
  expect(await s.identical()).toBe('identical')
})

it('a scan that failed, an incremental one, and one of other tables sweep nothing', async () => {
  await using s = await Forge.open()
  await s.step(c(1, 'a'))
  await s.ingest(note(s, 'STARTED'))
  await s.ingest(note(s, 'TABLE_SCAN_COMPLETED', { table: 'shop.t', status: 'SQL_EXCEPTION' }))
  await s.ingest(note(s, 'COMPLETED'))
  expect(await look(s)).toBe(false)
  await snapshotOf(s, [], { aggregate: 'Incremental Snapshot' })
  expect(await look(s)).toBe(false)
  await snapshotOf(s, [], { table: 'shop.other' })
  expect(await look(s)).toBe(false)
})

it('a blocking snapshot with a condition sweeps nothing: its signal tells', async () => {
  const data = JSON.stringify({
    type: 'BLOCKING',
    'data-collections': ['shop.t'],
    'additional-conditions': [{ 'data-collection': 'shop.t', filter: 'SELECT 1' }],
  })
  const bySignalTable = (s: Forge) =>
    s.ingest(c(9, { id: 'x', type: 'execute-snapshot', data }, { database: 'shop', table: 'dbz_signal', life: 'signals' }))
  const byTopic = (s: Forge) =>
    s.ingest(
      raw({ id: 'x', type: 'execute-snapshot', data: JSON.parse(data) }, { topic: 'shop-signals', life: 'signals', key: 'shop' }),
    )
  for (const ask of [bySignalTable, byTopic]) {
    await using s = await Forge.open()
    await s.step(c(1, 'a'))
    await ask(s)
    await snapshotOf(s, [])
    expect(await look(s)).toBe(false)
    // Asked for without one, later: another snapshot.
    s.kafkaTs += 90_000_000
    await snapshotOf(s, [])
    expect(await look(s)).toBe(true)
  }
})

it('a sweep waits until bronze holds all that Kafka held when the snapshot was over', async () => {
  await using s = await Forge.open()
  await s.step(c(1, 'a'), c(2, 'b'))
  await snapshotOf(s, [])
  expect(await look(s, { beyond: 1n })).toBe(false)
  await s.restart()
  // The ends were kept: records that come after them are not waited for.
  await s.ingest(r(1, 'a', { pos: 500 }))
  await s.ingest(note(s, 'SKIPPED'))
  expect(await look(s, { beyond: 100n })).toBe(true)
  await s.refine()
  expect(await s.silver()).toEqual([['1', 'a']])
  expect(await s.identical()).toBe('identical')
})

it('several snapshots, changes between and behind them, bronze compacted: a rebuild comes to the same', async () => {
  await using s = await Forge.open()
  await s.step(c(1, 'a'), c(2, 'b'), c(3, 'c'))
  await snapshotOf(s, [r(1, 'a', { pos: 400 }), r(3, 'c2', { pos: 400 })])
  await look(s)
  await s.step(c(2, 'b2', { pos: 500 }), c(4, 'd', { pos: 510 }), d(1, { pos: 520 }))
  await s.step(u(4, 'd2', { pos: 530 }))
  await snapshotOf(s, [r(4, 'd2', { pos: 600 })])
  await s.ingest(c(5, 'e', { pos: 610 }))
  await look(s)
  await s.step(u(5, 'e2', { pos: 620 }), c(3, 'again', { pos: 630 }))
  expect(await s.silver()).toEqual([
    ['3', 'again'],
    ['4', 'd2'],
    ['5', 'e2'],
  ])
  expect(await s.identical()).toBe('identical')
  await s.compactBronze()
  expect(await s.identical()).toBe('identical')
})

it('a row read again as it was moves its place and makes no version, in one step or many', async () => {
  for (const together of [true, false]) {
    await using s = await Forge.open()
    const events = [
      c(1, 'a', { pos: 100, ts: start }),
      r(1, 'a', { pos: 200, ts: start + 50 }),
      u(1, 'b', { pos: 300, ts: start + 60 }),
      r(1, 'b', { pos: 400, ts: start + 90_000 }),
      r(1, 'b', { pos: 410, ts: start + 95_000 }),
    ]
    await (together ? s.step(...events) : s.steps(...events))
    expect(await s.history('t', 'v')).toEqual([
      ['c', 'a'],
      ['u', 'b'],
    ])
    expect(await s.silver('t', 'v', '_pos')).toEqual([['b', '410']])
    expect((await s.silver('t', '_valid_from'))[0]![0]).toBe((await s.history('t', '_valid_from')).at(-1)!.at(-1))
    // An older one that comes late finds the place taken.
    await s.step(u(1, 'old', { pos: 405, ts: start + 61 }))
    expect(await s.silver('t', 'v')).toEqual([['b']])
    await s.step(r(1, null, { pos: 420 }), r(1, null, { pos: 430 }), d(1, { pos: 440 }), r(1, null, { pos: 450 }))
    expect(await s.history('t', 'v')).toEqual([
      ['c', 'a'],
      ['u', 'b'],
      ['r', null],
      ['d', null],
      ['r', null],
    ])
    expect(await s.identical()).toBe('identical')
  }
})
