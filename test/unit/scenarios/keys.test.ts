// Scenarios of cdc-spec §8 about keys: what tells rows apart, and what happens where nothing does.
import { expect, test, vi } from 'vitest'
import type { SourceTable } from '../../../processors/source-schema.ts'
import { c, d, Forge, type Forged, r, type Source, t, u } from './forge.ts'
import { look as lookForSweeps, snapshotOf } from './forged-snapshot.ts'

vi.setConfig({ testTimeout: 90_000 })

const tableOf = (primaryKey: string[], ...columns: [name: string, typeName: string, more?: object][]): SourceTable => ({
  database: 'shop',
  table: 't',
  primaryKey,
  columns: columns.map(([name, typeName, more], i) => ({ name, typeName, optional: true, position: i + 1, ...more })),
})
/** A table without a key. */
const keyless = tableOf([], ['id', 'INT'], ['v', 'VARCHAR'])
const named = tableOf(['k'], ['k', 'VARCHAR'], ['v', 'VARCHAR'])

const noKey = { kafkaKey: null }
const add = (id: number, v: string | null, source: Source = {}) => c(id, v, { ...noKey, ...source })
const take = (id: number, v: string | null, source: Source = {}) => d(id, { ...noKey, before: { id, v }, ...source })
const change = (id: number, from: string | null, v: string | null, source: Source = {}) =>
  u(id, v, { ...noKey, before: { id, v: from }, ...source })
const look = (id: number, v: string | null, source: Source = {}) => r(id, v, { ...noKey, ...source })

/** An update of a key, as Debezium tells it: the old key goes, the new one comes, at one place. */
const rekey = (from: Forged['key'], to: Forged['key'], v: string, source: Source & { pos: number }): [Forged, Forged] => [
  d(from!, { ...source, headers: [['__debezium.newkey', JSON.stringify(to)]] }),
  c(to!, v, { ...source, headers: [['__debezium.oldkey', JSON.stringify(from)]] }),
]

test('scenario 10: every key moved up by one, from the last to the first', async () => {
  await using forge = await Forge.open()
  await forge.step(c(1, 'a'), c(2, 'b'), c(3, 'c'))
  const moved = [3, 2, 1].flatMap((id, row) => rekey({ id }, { id: id + 1 }, 'abc'[id - 1]!, { pos: 100, row }))
  await forge.step(...moved)
  const expected = [
    ['2', 'a'],
    ['3', 'b'],
    ['4', 'c'],
  ]
  expect(await forge.silver()).toEqual(expected)
  expect(await forge.identical()).toBe('identical')
  // The connector sends all of it again, cut elsewhere.
  await forge.step(...moved.slice(0, 3))
  await forge.step(...moved.slice(3))
  expect(await forge.silver()).toEqual(expected)
  expect(await forge.identical()).toBe('identical')
})

test('scenario 11: two keys swapped through a third in one transaction', async () => {
  for (const cuts of [[6], [1, 4, 1]]) {
    await using forge = await Forge.open()
    await forge.step(c(1, 'one'), c(2, 'two'))
    const gtid = { gtid: '3cdf9606-e5d7-11f1-8119-02fc00000001:9' }
    const events = [
      ...rekey({ id: 1 }, { id: 3 }, 'one', { pos: 100, ...gtid }),
      ...rekey({ id: 2 }, { id: 1 }, 'two', { pos: 110, ...gtid }),
      ...rekey({ id: 3 }, { id: 2 }, 'one', { pos: 120, ...gtid }),
    ].map((event, i) => ({ ...event, order: i + 1 }))
    let at = 0
    for (const size of cuts) {
      await forge.step(...events.slice(at, at + size))
      at += size
    }
    expect(await forge.silver()).toEqual([
      ['1', 'two'],
      ['2', 'one'],
    ])
    expect(await forge.identical()).toBe('identical')
  }
})

test('scenario 12: a key changed across partitions, taken in either order', async () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    await using forge = await Forge.open()
    await forge.step(c(1, 'x', { partition: 0, pos: 10 }))
    const [gone, come] = rekey({ id: 1 }, { id: 2 }, 'x', { pos: 20 })
    const halves = [
      { ...gone, partition: 0 },
      { ...come, partition: 1 },
    ]
    for (const i of order) await forge.step(halves[i]!)
    expect(await forge.silver()).toEqual([['2', 'x']])
    expect(await forge.identical()).toBe('identical')
  }
})

test("scenario 13: key 'a' becomes 'A': one row, 'A', whatever the collation takes for one", async () => {
  await using forge = await Forge.open({ schemas: [named] })
  await forge.step(c({ k: 'a' }, 'x'))
  await forge.step(...rekey({ k: 'a' }, { k: 'A' }, 'x', { pos: 50 }))
  expect(await forge.silver()).toEqual([['A', 'x']])
  await forge.step(u({ k: 'A' }, 'y'))
  expect(await forge.silver()).toEqual([['A', 'y']])
  // Blanks at the end, ß and ss, accents: none is trimmed or folded.
  await forge.step(...rekey({ k: 'A' }, { k: 'A ' }, 'y', { pos: 100 }), c({ k: 'ß' }, 'z'))
  await forge.step(...rekey({ k: 'ß' }, { k: 'ss' }, 'z', { pos: 200 }), c({ k: 'é' }, 'w'), c({ k: 'e\u0301' }, 'v'))
  expect(await forge.silver()).toEqual([
    ['A ', 'y'],
    ['e\u0301', 'v'],
    ['ss', 'z'],
    ['é', 'w'],
  ])
  expect(await forge.identical()).toBe('identical')
})

/** A number with all of its digits. */
const digits = (text: string) => (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text)

test('scenario 31: BIGINT keys 9007199254740992 and 9007199254740993 are two rows', async () => {
  await using forge = await Forge.open({ schemas: [tableOf(['id'], ['id', 'BIGINT'], ['v', 'VARCHAR'])] })
  const [even, odd] = [{ id: digits('9007199254740992') }, { id: digits('9007199254740993') }]
  await forge.step(c(even, 'even'), c(odd, 'odd'))
  expect(await forge.silver()).toEqual([
    ['9007199254740992', 'even'],
    ['9007199254740993', 'odd'],
  ])
  await forge.step(d(even), u(odd, 'still'))
  expect(await forge.silver()).toEqual([['9007199254740993', 'still']])
  expect(await forge.markers()).toEqual([['9007199254740992']])
  expect(await forge.identical()).toBe('identical')
})

test('scenario 32: BIGINT UNSIGNED keys up to 18446744073709551615 are exact, wrapped as Debezium sends them', async () => {
  await using forge = await Forge.open({ schemas: [tableOf(['id'], ['id', 'BIGINT UNSIGNED'], ['v', 'VARCHAR'])] })
  const [last, middle] = [{ id: -1 }, { id: digits('-9223372036854775808') }]
  await forge.step(r(last, 'last'), c(middle, 'middle'), c({ id: 1 }, 'one'))
  expect(await forge.silver()).toEqual([
    ['1', 'one'],
    ['18446744073709551615', 'last'],
    ['9223372036854775808', 'middle'],
  ])
  await forge.step(u(last, 'changed'), d(middle))
  expect(await forge.silver()).toEqual([
    ['1', 'one'],
    ['18446744073709551615', 'changed'],
  ])
  expect(await forge.identical()).toBe('identical')
})

test('scenario 33, the key side: a DECIMAL key is one number however it is written', async () => {
  await using forge = await Forge.open({
    schemas: [tableOf(['k', 'at'], ['k', 'DECIMAL', { length: 20, scale: 4 }], ['at', 'TIME', { length: 6 }], ['v', 'VARCHAR'])],
  })
  const key = { k: '-0.0100', at: -3_020_399_000_000 }
  await forge.step(c(key, 'x'), c({ ...key, at: 1 }, 'y'), u(key, 'z'))
  expect(await forge.silver()).toEqual([
    ['-0.0100', '-3020399000000', 'z'],
    ['-0.0100', '1', 'y'],
  ])
  expect(await forge.identical()).toBe('identical')
})

test('scenario 46: composite keys are tuples, never joined text', async () => {
  await using forge = await Forge.open({ schemas: [tableOf(['a', 'b'], ['a', 'VARCHAR'], ['b', 'VARCHAR'], ['v', 'VARCHAR'])] })
  const pairs = [
    { a: 'a|b', b: 'c' },
    { a: 'a', b: 'b|c' },
    { a: 'a\u001f', b: 'c' },
    { a: 'a', b: '\u001fc' },
    { a: '', b: 'x' },
    { a: 'x', b: '' },
  ]
  await forge.step(...pairs.map((pair, i) => c(pair, `v${i}`)))
  expect(await forge.silver('t', 'v')).toEqual(pairs.map((_, i) => [`v${i}`]))
  await forge.step(d(pairs[0]!), u(pairs[3]!, 'changed'))
  expect(await forge.silver('t', 'v')).toEqual([['changed'], ['v1'], ['v2'], ['v4'], ['v5']])
  expect(await forge.identical()).toBe('identical')
})

test('scenario 43: equal rows of a table without a key are as many as there are, a delete takes one, and one sent again takes none', async () => {
  await using forge = await Forge.open({ schemas: [keyless] })
  await forge.steps(add(1, 'x'), add(1, 'x'))
  expect(await forge.silver()).toEqual([
    ['1', 'x'],
    ['1', 'x'],
  ])
  const gone = take(1, 'x')
  await forge.step(gone)
  expect(await forge.silver()).toEqual([['1', 'x']])
  await forge.restart()
  await forge.step(gone)
  expect(forge.halted).toEqual({})
  expect(await forge.silver()).toEqual([['1', 'x']])
  expect(await forge.identical()).toBe('identical')
})

test('scenario 44: a new snapshot of a table without a key takes the place of what was counted, also when it is cut short and begun again', async () => {
  await using forge = await Forge.open({ schemas: [keyless] })
  const first = { pos: 10, ts: 1_800_000_000_010 }
  await forge.step(look(1, 'x', first), look(1, 'x', first), look(2, 'y', first))
  await forge.step(add(3, 'z', { pos: 20 }))
  expect(await forge.silver()).toHaveLength(4)
  // While nobody looked, 2 went and another 3 came; the first attempt at a snapshot dies after a row.
  await forge.step(look(1, 'x', { pos: 100, ts: 1_800_000_090_000 }))
  const second = { pos: 110, ts: 1_800_000_100_000 }
  await forge.step(look(1, 'x', second), look(3, 'z', second))
  await forge.step(look(3, 'z', second), look(1, 'x', second))
  const expected = [
    ['1', 'x'],
    ['1', 'x'],
    ['3', 'z'],
    ['3', 'z'],
  ]
  expect(await forge.silver()).toEqual(expected)
  // What the snapshot saw already comes late, and a zombie goes on with the old one: both count for nothing.
  await forge.step(add(3, 'z', { pos: 20 }), look(1, 'x', { pos: 100, ts: 1_800_000_090_000 }))
  expect(await forge.silver()).toEqual(expected)
  expect(forge.halted).toEqual({})
  expect(await forge.identical()).toBe('identical')
})

test('an update of one of two equal rows changes one; one that changes nothing which silver shows is none', async () => {
  await using forge = await Forge.open({
    schemas: [keyless],
    policy: `${'version: 1\ntables:\n  t:\n    id: {class: operational, strategy: keep}\n'}`,
  })
  await forge.step(add(1, 'x'), add(1, 'y'), change(1, 'x', 'z'))
  expect(await forge.silver('t', 'id')).toEqual([['1'], ['1']])
  expect(await forge.history('t', 'id')).toHaveLength(2)
  await forge.step(change(1, 'z', 'y'), u(2, 'y', { ...noKey, before: { id: 1, v: 'y' } }))
  expect(await forge.silver('t', 'id')).toEqual([['1'], ['2']])
  expect(await forge.identical()).toBe('identical')
})

test('NULL is a value like any other where nothing tells rows apart, and a nullable unique key tells none apart', async () => {
  await using forge = await Forge.open({ schemas: [keyless] })
  await forge.step(add(1, null), add(1, null), add(1, ''), change(1, null, 'x'), take(1, ''))
  expect(await forge.silver()).toEqual([
    ['1', 'x'],
    ['1', null],
  ])
  expect(await forge.identical()).toBe('identical')
})

test('a row taken that is not there halts the table, with the way out; a snapshot and a rebuild mend it', async () => {
  await using forge = await Forge.open({ schemas: [keyless] })
  await forge.step(add(1, 'x'))
  await forge.step(take(1, 'y'))
  expect(forge.halted['shop.t']).toMatchObject({ code: 'TABLE_HALTED' })
  expect(forge.halted['shop.t']!.reason).toContain('binlake snapshot shop.t --full')
  expect(forge.halted['shop.t']!.reason).not.toContain("'y'")
  expect(await forge.silver()).toEqual([['1', 'x']])
  const snapshot = { pos: 1_000, ts: 1_800_000_900_000 }
  await forge.step(look(5, 'a', snapshot), look(5, 'a', snapshot))
  expect(forge.halted).toEqual({})
  expect(await forge.silver()).toEqual([
    ['5', 'a'],
    ['5', 'a'],
  ])
  await forge.step(take(5, 'a', { pos: 1_010 }))
  await forge.events.replay(await forge.way('t'))
  expect(await forge.silver()).toEqual([['5', 'a']])
  expect(await forge.identical()).toBe('identical')
})

test('a truncate ends every copy; what was counted before it does not come back', async () => {
  await using forge = await Forge.open({ schemas: [keyless] })
  const old = [add(1, 'x', { pos: 10 }), add(1, 'x', { pos: 20 }), add(2, 'y', { pos: 30 })]
  await forge.step(...old)
  await forge.step(t({ pos: 40 }), add(2, 'y', { pos: 50 }))
  expect(await forge.silver()).toEqual([['2', 'y']])
  await forge.step(...old, t({ pos: 40 }), add(2, 'y', { pos: 50 }), add(2, 'y', { pos: 60 }))
  expect(await forge.silver()).toEqual([
    ['2', 'y'],
    ['2', 'y'],
  ])
  expect(await forge.identical()).toBe('identical')
})

test('a failover: the new server sends again what was counted under other places, then goes on', async () => {
  await using forge = await Forge.open({ schemas: [keyless] })
  const at = (n: number, file: string, pos: number): Source => ({
    gtid: `3cdf9606-e5d7-11f1-8119-02fc00000001:${n}`,
    order: 1,
    file,
    pos,
    ts: 1_800_000_000_000 + n,
  })
  await forge.step(add(1, 'x', at(899, 'bin.000107', 10)), add(1, 'x', at(900, 'bin.000107', 20)))
  await forge.step(add(1, 'x', at(900, 'bin.000012', 500)), add(1, 'x', at(901, 'bin.000012', 600)))
  await forge.step(add(1, 'x', at(901, 'bin.000012', 600)), take(1, 'x', at(902, 'bin.000012', 700)))
  expect(forge.halted).toEqual({})
  expect(await forge.silver()).toEqual([
    ['1', 'x'],
    ['1', 'x'],
  ])
  expect(await forge.identical()).toBe('identical')
})

test('a table without a key in a topic of several partitions goes no further than bronze', async () => {
  await using forge = await Forge.open({ schemas: [keyless] })
  await forge.step(add(1, 'x'), add(1, 'x', { partition: 1 }))
  expect(forge.halted['shop.t']!.reason).toContain('several partitions')
})

test('a blocking snapshot while the table was written halts it: what it had seen is not told; one taken in peace mends it', async () => {
  await using forge = await Forge.open({ schemas: [keyless] })
  const gtid = (n: number) => ({ gtid: `3cdf9606-e5d7-11f1-8119-02fc00000001:${n}`, order: 1 })
  const seconds = (n: number) => 1_800_000_000_000 + n * 1_000
  await forge.step(add(1, 'x', { pos: 10, ts: seconds(1), ...gtid(1) }))
  const paused = { pos: 20, ts: seconds(10), gtid: gtid(1).gtid }
  await forge.step(look(1, 'x', paused), look(2, 'y', paused), add(2, 'y', { pos: 30, ts: seconds(10) + 300, ...gtid(2) }))
  expect(forge.halted['shop.t']!.reason).toContain('binlake snapshot shop.t --full')
  const peace = { pos: 40, ts: seconds(30), gtid: gtid(2).gtid }
  await forge.step(look(1, 'x', peace), look(2, 'y', peace))
  await forge.step(add(2, 'y', { pos: 50, ts: seconds(40), ...gtid(3) }))
  expect(forge.halted).toEqual({})
  expect(await forge.silver()).toEqual([
    ['1', 'x'],
    ['2', 'y'],
    ['2', 'y'],
  ])
  expect(await forge.identical()).toBe('identical')
})

test('rows of an incremental snapshot are not counted, and no beginning for a table without a key', async () => {
  await using forge = await Forge.open({ schemas: [keyless] })
  const again = { snapshot: 'incremental' }
  await forge.step(add(1, 'x', { pos: 10 }), look(1, 'x', { pos: 20, ...again }))
  expect(forge.halted['shop.t']!.reason).toContain('incremental')
  await forge.step(look(1, 'x', { pos: 30, ts: 1_800_000_100_000 }))
  await forge.step(
    add(1, 'x', { pos: 40, ts: 1_800_000_200_000 }),
    look(1, 'x', { pos: 50, ...again }),
    look(1, 'x', { pos: 50, ...again }),
  )
  expect(forge.halted).toEqual({})
  expect(await forge.silver()).toEqual([
    ['1', 'x'],
    ['1', 'x'],
  ])
  expect(await forge.identical()).toBe('identical')
})

test('scenario 24 without a key: a new snapshot that found the table empty ends what was counted before, and nothing that came since', async () => {
  await using forge = await Forge.open({ schemas: [keyless] })
  const old = [add(1, 'x', { pos: 10 }), add(1, 'x', { pos: 20 }), add(2, 'y', { pos: 30 })]
  await forge.step(...old)
  await snapshotOf(forge, [])
  await forge.step(add(1, 'x', { pos: 500 }), add(1, 'x', { pos: 510 }))
  expect(await lookForSweeps(forge)).toBe(true)
  await forge.refine()
  expect(await forge.silver('t', 'id', 'v', '_copy')).toEqual([
    ['1', 'x', '1'],
    ['1', 'x', '2'],
  ])
  expect(await forge.identical()).toBe('identical')
  await forge.step(...old, take(1, 'x', { pos: 600 }))
  expect(forge.halted).toEqual({})
  expect(await forge.silver()).toEqual([['1', 'x']])
  expect(await forge.identical()).toBe('identical')
})
