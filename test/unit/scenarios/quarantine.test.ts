// Scenarios of cdc-spec §8 about records that cannot be read, and what people do about them (docs/quarantine.md).
import { expect, it } from 'vitest'
import { Lakehouse } from '../../../lake/lakehouse.ts'
import { TableHalted } from '../../../processors/order/collapse.ts'
import { drop, mend } from '../../../processors/quarantine/mend.ts'
import { listQuarantine, openRecords, quarantineTables, recordsAt } from '../../../processors/quarantine/records.ts'
import { refine } from '../../../processors/refine.ts'
import type { SourceTable } from '../../../processors/source-schema.ts'
import { c, d, Forge, r, raw, t, u, valueText } from './forge.ts'
import { look, snapshotOf } from './forged-snapshot.ts'

const table = { database: 'shop', table: 't' }

/** `replay` as the command does it: into bronze, then silver. */
async function replay(s: Forge, options: Parameters<typeof mend>[2] = {}) {
  const { duck } = s.events
  const done = await mend(duck, s.events.way(await s.way('t')), options)
  await s.refine()
  return done
}

const list = async (s: Forge) => listQuarantine(s.events, await quarantineTables(s.events.lake))

/** A record whose value no converter should have made, at the place of the event that it was meant to be. */
const broken = (key: number, value: unknown = '{"op":"u", cut off') => raw(value, { key: { id: key } })

const amounts: SourceTable = {
  database: 'shop',
  table: 't',
  primaryKey: ['id'],
  columns: [
    { name: 'id', typeName: 'INT', optional: false, position: 1 },
    { name: 'v', typeName: 'DECIMAL', length: 4, scale: 2, optional: true, position: 2 },
  ],
}
const wider: SourceTable = { ...amounts, columns: [amounts.columns[0]!, { ...amounts.columns[1]!, length: 10 }] }

it('scenario 54: an unknown op, bad JSON and an out-of-range decimal are set aside with their offsets, and nothing goes on in silence', async () => {
  await using s = await Forge.open({ schemas: [amounts] })
  const unknown = raw(valueText({ ...u(1, { id: 1, v: '2.00' }), pos: 20 })!.replace('"op":"u"', '"op":"x"'), { key: { id: 1 } })
  await s.step(c(1, { id: 1, v: '1.00' }), unknown, broken(1), u(1, { id: 1, v: '123456.78' }), c(2, { id: 2, v: '9.99' }))
  expect(await s.silver()).toEqual([
    ['1', '1.00'],
    ['2', '9.99'],
  ])
  expect(await s.quarantine()).toEqual([
    ['invalid_json', '0', '2'],
    ['unknown_operation', '0', '1'],
    ['value_does_not_fit', '0', '3'],
  ])
  const listed = await list(s)
  expect(listed.map(({ table: name, reason, step, open, first, last }) => [name, reason, step, open, first, last])).toEqual([
    ['shop.t', 'invalid_json', 'stage', 1, 2n, 2n],
    ['shop.t', 'unknown_operation', 'stage', 1, 1n, 1n],
    ['shop.t', 'value_does_not_fit', 'silver', 1, 3n, 3n],
  ])
  expect(listed.every(({ since }) => since instanceof Date)).toBe(true)
  const way = s.events.way(await s.way('t'))
  // Beyond the budget silver stops and says what to type; bronze goes on.
  await s.ingest(c(3, { id: 3, v: '3.00' }))
  const halt = refine(s.events.duck, { ...way, maxRows: 10, quarantineBudget: 2 })
  await expect(halt).rejects.toThrow(TableHalted)
  await expect(halt).rejects.toThrow(
    /3 records wait in quarantine \(1 invalid_json, 1 unknown_operation, 1 value_does_not_fit\).*binlake quarantine list shop\.t/,
  )
  await refine(s.events.duck, { ...way, maxRows: 10, quarantineBudget: 3 })
  expect(await s.silver('t', 'id')).toEqual([['1'], ['2'], ['3']])
  expect(await s.identical()).toBe('identical')
})

it('a mend corrects the row that a broken record left behind', async () => {
  await using s = await Forge.open()
  await s.step(c(1, 'a'), broken(1))
  const value = Buffer.from(valueText({ ...u(1, 'b'), pos: 20 })!)
  expect(await replay(s)).toMatchObject({ mended: 0, left: [['invalid_json', 1]] })
  expect(await replay(s, { at: { partition: 0, offset: 1n }, value })).toMatchObject({ mended: 1, left: [] })
  expect(await s.silver()).toEqual([['1', 'b']])
  expect(await s.history()).toEqual([
    ['c', '1', 'a'],
    ['u', '1', 'b'],
  ])
  expect(await s.identical()).toBe('identical')
  expect(await openRecords(s.events, table)).toEqual({ records: 0, byReason: [] })
  // Once more: nothing is left to do.
  await expect(replay(s, { at: { partition: 0, offset: 1n }, value })).rejects.toThrow(/nothing waits/)
  expect(await replay(s)).toMatchObject({ mended: 0 })
  expect(await s.history()).toHaveLength(2)
})

it('a late mend never overwrites a newer row: it becomes the version that it was', async () => {
  await using s = await Forge.open()
  await s.steps(c(1, 'a'), broken(1), u(1, 'c', { pos: 30 }), c(2, 'x'))
  await replay(s, { at: { partition: 0, offset: 1n }, value: Buffer.from(valueText({ ...u(1, 'b'), pos: 20 })!) })
  expect(await s.silver()).toEqual([
    ['1', 'c'],
    ['2', 'x'],
  ])
  expect(await s.history('t', 'v')).toEqual([
    ['c', 'a'],
    ['u', 'b'],
    ['u', 'c'],
    ['c', 'x'],
  ])
  expect(await s.identical()).toBe('identical')
  await s.step(u(1, 'd'))
  expect(await s.silver('t', 'v')).toEqual([['d'], ['x']])
  expect(await s.identical()).toBe('identical')
})

it('a late mend of a deleted key leaves it deleted, and a mended deletion deletes', async () => {
  await using s = await Forge.open()
  await s.steps(c(1, 'a'), broken(1), d(1, { pos: 30 }), c(2, 'x', { pos: 40 }), broken(2))
  await replay(s, { at: { partition: 0, offset: 1n }, value: Buffer.from(valueText({ ...u(1, 'b'), pos: 20 })!) })
  expect(await s.silver()).toEqual([['2', 'x']])
  await replay(s, { at: { partition: 0, offset: 4n }, value: Buffer.from(valueText({ ...d(2), pos: 50 })!) })
  expect(await s.silver()).toEqual([])
  expect(await s.markers()).toEqual([['1'], ['2']])
  expect(await s.identical()).toBe('identical')
})

it('a mended truncate or insert counts from its place among truncates', async () => {
  await using s = await Forge.open()
  await s.steps(c(1, 'a'), broken(3), t(), c(2, 'b'), broken(2))
  await replay(s, { at: { partition: 0, offset: 1n }, value: Buffer.from(valueText({ ...c(3, 'gone'), pos: 15 })!) })
  await replay(s, { at: { partition: 0, offset: 4n }, value: Buffer.from(valueText({ ...u(2, 'c'), pos: 90 })!) })
  expect(await s.silver()).toEqual([['2', 'c']])
  expect(await s.identical()).toBe('identical')
})

it('what a wider column takes comes in by replay, and in order', async () => {
  await using s = await Forge.open({ schemas: [amounts] })
  await s.steps(
    c(1, { id: 1, v: '1.00' }),
    u(1, { id: 1, v: '123456.78' }),
    c(2, { id: 2, v: '123456.79' }),
    u(1, { id: 1, v: '2.00' }),
  )
  expect(await replay(s)).toMatchObject({ mended: 0, left: [['value_does_not_fit', 2]] })
  const { duck } = s.events
  // The table was widened, and rebuilt: silver's column cannot change its type otherwise.
  await s.events.replay({ ...(await s.way('t')), schema: wider })
  const way = s.events.way({ ...(await s.way('t')), schema: wider })
  expect(await mend(duck, way, {})).toMatchObject({ mended: 2, left: [] })
  while (await refine(duck, { ...way, maxRows: 100 }));
  expect(await s.silver()).toEqual([
    ['1', '2.00'],
    ['2', '123456.79'],
  ])
  expect((await s.events.replay({ ...(await s.way('t')), schema: wider, proveOnly: true }))?.verdict).toBe('identical')
  expect(await s.history('t', 'v')).toHaveLength(4)
})

it('a corrected value stands for the one that did not fit, in every rebuild', async () => {
  await using s = await Forge.open({ schemas: [amounts] })
  await s.steps(c(1, { id: 1, v: '1.00' }), u(1, { id: 1, v: '123456.78' }))
  const value = Buffer.from(valueText({ ...u(1, { id: 1, v: '12.34' }), pos: 20 })!)
  await replay(s, { reason: 'value_does_not_fit', value })
  expect(await s.silver()).toEqual([['1', '12.34']])
  expect(await s.identical()).toBe('identical')
  // Under a wider column the original would fit too: the correction still holds.
  const way = { ...(await s.way('t')), schema: wider }
  await s.events.replay(way)
  expect(await s.silver()).toEqual([['1', '12.34']])
  expect(await s.history('t', 'v')).toEqual([
    ['c', '1.00'],
    ['u', '12.34'],
  ])
})

it('refuses a correction of another row, and one for several records', async () => {
  await using s = await Forge.open()
  await s.step(c(1, 'a'), broken(1), broken(1))
  const value = Buffer.from(valueText({ ...u(2, 'b'), pos: 20 })!)
  await expect(replay(s, { value })).rejects.toMatchObject({ code: 'QUARANTINE_MEND_REFUSED' })
  await expect(replay(s, { at: { partition: 0, offset: 1n }, value })).rejects.toThrow(/another row/)
  expect(await s.silver()).toEqual([['1', 'a']])
  expect(await s.identical()).toBe('identical')
})

it('what is dropped loses its bytes and keeps its trace, and no rebuild takes it', async () => {
  await using s = await Forge.open({ schemas: [amounts] })
  await s.steps(c(1, { id: 1, v: '1.00' }), broken(1), u(1, { id: 1, v: '123456.78' }))
  const { duck, lake } = s.events
  expect(await drop(duck, { lake, name: table }, { because: 'the converter of May 3rd' })).toBe(2)
  expect(await drop(duck, { lake, name: table }, { because: 'again' })).toBe(0)
  const [record] = await recordsAt(s.events, table, { partition: 0, offset: 1n })
  expect(record).toMatchObject({
    settled: 'dropped',
    because: 'the converter of May 3rd',
    reason: 'invalid_json',
    value: null,
    key: null,
  })
  const way = { ...(await s.way('t')), schema: wider }
  await s.events.replay(way)
  expect(await s.silver()).toEqual([['1', '1.00']])
  expect((await s.events.replay({ ...way, proveOnly: true }))?.verdict).toBe('identical')
  expect((await list(s)).map(({ reason, open, dropped }) => [reason, open, dropped])).toEqual([
    ['invalid_json', 0, 1],
    ['value_does_not_fit', 0, 1],
  ])
})

it('of two people who settle one record at once the later decision holds, in silver and in every rebuild', async () => {
  await using s = await Forge.open()
  await s.steps(c(1, 'a'), broken(1), c(2, 'x', { pos: 40 }))
  const value = Buffer.from(valueText({ ...u(1, 'b'), pos: 20 })!)
  // The other brings the record in after this one has chosen it, and before this one decides.
  const { store } = s.events.lake
  let other: Promise<unknown> | undefined
  const between = new Proxy(store, {
    get(target, name) {
      const part = Reflect.get(target, name) as unknown
      if (typeof part !== 'function') return part
      if (name !== 'list') return part.bind(target) as unknown
      return async function* (...args: Parameters<typeof store.list>) {
        if (args[0].includes('_binlake/decisions')) {
          other ??= replay(s, { at: { partition: 0, offset: 1n }, value })
          await other
        }
        yield* target.list(...args)
      }
    },
  })
  const duck = await s.events.duck.fork()
  try {
    await drop(duck, { lake: new Lakehouse(between), name: table }, { at: { partition: 0, offset: 1n }, because: 'given up' })
  } finally {
    await duck.close()
  }
  expect(await s.history('t', 'v')).toContainEqual(['u', 'b'])
  await s.restart()
  await s.refine()
  expect(await s.silver('t', 'v')).toEqual([['a'], ['x']])
  expect(await s.history('t', 'v')).not.toContainEqual(['u', 'b'])
  expect(await s.identical()).toBe('identical')
})

it('mends many records of several keys at once, beside snapshots and replays', async () => {
  await using s = await Forge.open()
  const fixed = u(1, 'b', { pos: 25 })
  await s.steps(r(1, 'a', { pos: 10 }), r(2, 'a', { pos: 10 }), broken(1), u(2, 'b', { pos: 30 }), fixed, broken(2))
  // A control character in the value cannot stand on a spool line, nor can it be mended as it is.
  await s.step(raw('{"a":"\u001f"}', { key: { id: 1 } }))
  expect(await replay(s, { reason: 'control_character' })).toMatchObject({ mended: 0, left: [['control_character', 1]] })
  // The same event that came again later in good shape: the mend makes that one the replay.
  await replay(s, { at: { partition: 0, offset: 2n }, value: Buffer.from(valueText({ ...fixed, pos: 25 })!) })
  expect(await s.silver()).toEqual([
    ['1', 'b'],
    ['2', 'b'],
  ])
  expect(await s.identical()).toBe('identical')
  await s.compactBronze()
  expect(await s.identical()).toBe('identical')
})

it('a sweep waits for the rows of its snapshot that are in quarantine: once mended they were met, once given up they go', async () => {
  for (const how of ['mended', 'dropped']) {
    await using s = await Forge.open()
    await s.step(c(1, 'a'), c(7, 'kept'), c(8, 'gone'))
    await snapshotOf(s, [r(1, 'a', { pos: 500 }), broken(7)])
    await s.step(broken(1))
    expect(await look(s)).toBe(false)
    await s.refine()
    expect(await s.silver()).toHaveLength(3)
    const { first } = (await list(s))[0]!
    const at = { partition: 0, offset: first! }
    if (how === 'dropped') await drop(s.events.duck, { lake: s.events.lake, name: table }, { at, because: 'unreadable' })
    else await replay(s, { at, value: Buffer.from(valueText({ ...r(7, 'kept', { pos: 500 }), pos: 500 })!) })
    // What was set aside after the snapshot has no part in it; here it is counted, for it came before its end was looked at.
    expect(await look(s)).toBe(false)
    await drop(s.events.duck, { lake: s.events.lake, name: table }, { because: 'unreadable' })
    expect(await look(s)).toBe(true)
    await s.refine()
    expect(await s.silver('t', 'id')).toEqual(how === 'mended' ? [['1'], ['7']] : [['1']])
    expect(await s.identical()).toBe('identical')
    // One that comes later puts no sweep off.
    await snapshotOf(s, [r(1, 'a', { pos: 600 })])
    expect(await look(s, { beyond: 1n })).toBe(false)
    await s.step(u(1, 'b', { pos: 700 }), broken(1))
    expect(await look(s)).toBe(true)
  }
})

it('a snapshot row that does not fit its column was met all the same', async () => {
  await using s = await Forge.open({ schemas: [amounts] })
  await s.step(c(1, { id: 1, v: '1.00' }), c(7, { id: 7, v: '7.00' }), c(8, { id: 8, v: '8.00' }))
  await snapshotOf(s, [r(1, { id: 1, v: '1.00' }, { pos: 500 }), r(7, { id: 7, v: '123456.78' }, { pos: 500 })])
  await s.refine()
  expect(await look(s)).toBe(true)
  await s.refine()
  expect(await s.silver('t', 'id')).toEqual([['1'], ['7']])
  expect(await s.identical()).toBe('identical')
})

it('a place is one of its life of the topic: the same offset of another life is another record', async () => {
  await using s = await Forge.open({ schemas: [amounts] })
  await s.steps(c(1, { id: 1, v: '1.00' }), u(1, { id: 1, v: '123456.78' }), broken(1))
  s.life = 'topic-2'
  await s.steps(
    r(1, { id: 1, v: '3.00' }, { pos: 500 }),
    r(2, { id: 2, v: '4.00' }, { pos: 500 }),
    broken(2),
    u(2, { id: 2, v: '5.00' }),
  )
  const value = Buffer.from(valueText({ ...u(1, { id: 1, v: '2.00' }), pos: 25 })!)
  await replay(s, { reason: 'value_does_not_fit', value })
  expect(await s.silver()).toEqual([
    ['1', '3.00'],
    ['2', '5.00'],
  ])
  expect(await s.history('t', 'id', 'v')).toContainEqual(['u', '1', '2.00'])
  // Both broken ones are at offset 2.
  expect((await list(s)).filter(({ reason }) => reason === 'invalid_json').map(({ open, first }) => [open, first])).toEqual([
    [2, 2n],
  ])
  await drop(s.events.duck, { lake: s.events.lake, name: table }, { because: 'a test' })
  expect(await s.silver('t', 'id')).toEqual([['1'], ['2']])
  expect(await s.identical()).toBe('identical')
})

it('in a topic of several partitions a mended record came when it came, not when it was mended', async () => {
  await using s = await Forge.open()
  const gtid = (n: number) => ({ gtid: `a:${n}`, order: 1 })
  await s.steps(c(1, 'a', { ...gtid(1), partition: 0 }), raw('broken', { key: { id: 1 }, partition: 0 }))
  await s.steps(
    u(1, 'c', { ...gtid(3), partition: 1 }),
    c(2, 'x', { ...gtid(4), partition: 0 }),
    u(2, 'y', { ...gtid(5), partition: 1 }),
  )
  const value = Buffer.from(valueText({ ...u(1, 'b', gtid(2)), pos: 15 })!)
  await replay(s, { at: { partition: 0, offset: 1n }, value })
  expect(await s.silver()).toEqual([
    ['1', 'c'],
    ['2', 'y'],
  ])
  expect(await s.identical()).toBe('identical')
  await s.step(u(2, 'z', { ...gtid(6), partition: 0 }))
  expect(await s.silver('t', 'v')).toEqual([['c'], ['z']])
  expect(await s.identical()).toBe('identical')
})

it('a table without a primary key takes a mend by a rebuild only, and says so', async () => {
  const keyless: SourceTable = { ...amounts, primaryKey: [] }
  await using s = await Forge.open({ schemas: [keyless] })
  const none = { kafkaKey: null }
  await s.steps(c(1, { id: 1, v: '1.00' }, none), raw('broken', { key: null }))
  await replay(s, { value: Buffer.from(valueText({ ...c(1, { id: 1, v: '1.00' }), pos: 20 })!) })
  expect(s.halted['shop.t']?.reason).toMatch(/binlake replay shop\.t/)
  await s.events.replay(await s.way('t'))
  expect(await s.silver()).toEqual([
    ['1', '1.00'],
    ['1', '1.00'],
  ])
  await s.refine()
  expect(s.halted).toEqual({})
  expect(await s.identical()).toBe('identical')
})
