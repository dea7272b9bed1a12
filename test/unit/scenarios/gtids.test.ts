// GTIDs whose numbers do not follow commits: group replication in multi-primary mode gives each server a block of them.
import { expect, it } from 'vitest'
import { settleGtidOrder } from '../../../processors/gtid-order.ts'
import { c, d, Forge, u } from './forge.ts'
import { ddl, keep } from './schema-events.ts'

const columns = [
  { name: 'id', type: 'INT' },
  { name: 'v', type: 'VARCHAR', length: 20 },
]
const group = '11111111-2222-3333-4444-555555555555'
/** A server's next transaction: of its own block of a million. */
const of = (server: number, n: number) => ({ gtid: `${group}:${server * 1_000_000 + n}`, order: 1 })

async function open(key: readonly string[] = ['id']): Promise<Forge> {
  const s = await Forge.open({ schemas: [], policy: keep('id', 'v') })
  await s.ingest(ddl({ pos: 1, ddl: 'CREATE TABLE t (…)', columns, key, type: 'CREATE', gtid: of(2, 1).gtid }))
  return s
}

const history = [
  c(1, 'a', { pos: 100, ...of(2, 7) }),
  u(1, 'b', { pos: 200, ...of(1, 3) }),
  c(2, 'x', { pos: 300, ...of(1, 4) }),
  d(2, { pos: 400, ...of(2, 8) }),
  u(1, 'c', { pos: 500, ...of(1, 5) }),
]

it('taken for unordered, they tell repetitions but never veto', async () => {
  await using s = await open()
  await settleGtidOrder(s.events, 'unordered')
  await s.step(...history.slice(0, 2))
  expect(await s.silver()).toEqual([['1', 'b']])
  await s.steps(...history.slice(2))
  // Sent again by the same server, and by another one with other positions, in files that are ahead.
  const again = history.map((event, nth) => ({ ...event, file: 'binlog.000009', pos: 10 + nth }))
  await s.steps(...history)
  await s.step(...again)
  expect(s.halted).toEqual({})
  expect(await s.silver()).toEqual([['1', 'c']])
  expect(await s.history()).toEqual([
    ['c', '1', 'a'],
    ['u', '1', 'b'],
    ['c', '2', 'x'],
    ['d', '2', null],
    ['u', '1', 'c'],
  ])
  expect(await s.identical()).toBe('identical')
})

it('an event that was not seen before and stands lower in the same log is stale', async () => {
  await using s = await open()
  await settleGtidOrder(s.events, 'unordered')
  await s.steps(c(1, 'a', { pos: 500, ...of(1, 9) }), u(1, 'old', { pos: 400, ...of(2, 9) }))
  expect(await s.silver()).toEqual([['1', 'a']])
  expect(await s.identical()).toBe('identical')
})

it('of two partitions the place in one log decides, and between two logs nothing does', async () => {
  await using s = await open()
  await settleGtidOrder(s.events, 'unordered')
  await s.steps(c(1, 'a', { pos: 500, ...of(2, 9) }), u(1, 'b', { pos: 600, partition: 1, ...of(1, 9) }))
  expect(await s.silver()).toEqual([['1', 'b']])
  await s.step(u(1, 'c', { pos: 10, file: 'other.000001', partition: 0, ...of(1, 10) }))
  expect(s.halted['shop.t']).toMatchObject({ code: 'TABLE_HALTED', reason: expect.stringContaining('binlake resume shop.t') })
})

it('rows without a key are counted once, whatever the numbers say', async () => {
  await using s = await open([])
  await settleGtidOrder(s.events, 'unordered')
  const rows = [
    c(1, 'x', { kafkaKey: null, pos: 100, ...of(2, 7) }),
    c(1, 'x', { kafkaKey: null, pos: 200, ...of(1, 3) }),
    c(1, 'y', { kafkaKey: null, pos: 300, ...of(1, 4) }),
  ]
  await s.steps(...rows)
  await s.step(...rows.map((event, nth) => ({ ...event, file: 'binlog.000009', pos: 10 + nth })))
  expect(s.halted).toEqual({})
  expect(await s.silver()).toEqual([
    ['1', 'x'],
    ['1', 'x'],
    ['1', 'y'],
  ])
  expect(await s.identical()).toBe('identical')
})

it('said later, it makes the rows anew; said again, it changes nothing', async () => {
  await using s = await open()
  await s.step(...history.slice(0, 2))
  expect(await s.silver(), 'the number vetoes').toEqual([['1', 'a']])
  await settleGtidOrder(s.events, 'unordered')
  await settleGtidOrder(s.events, 'unordered')
  await s.step(c(3, 'z', { pos: 900, ...of(1, 20) }))
  expect(await s.silver()).toEqual([
    ['1', 'b'],
    ['3', 'z'],
  ])
  expect(await s.identical()).toBe('identical')
})

it('an event is typed by the schema of its place in the log, not by its number', async () => {
  await using s = await open()
  await settleGtidOrder(s.events, 'unordered')
  await s.step(c(1, 'a', { pos: 100, ...of(2, 7) }))
  await s.ingest(
    ddl({
      pos: 200,
      ddl: 'ALTER TABLE t ADD w INT DEFAULT 7',
      columns: [...columns, { name: 'w', type: 'INT' }],
      gtid: of(1, 3).gtid,
    }),
  )
  await s.step(c(2, { id: 2, v: 'b', w: 1 }, { pos: 300, ...of(1, 4) }), c(3, 'late', { pos: 150, ...of(2, 8) }))
  expect(s.halted).toEqual({})
  expect(await s.silver('t', 'id', 'v')).toEqual([
    ['1', 'a'],
    ['2', 'b'],
    ['3', 'late'],
  ])
  expect(await s.identical()).toBe('identical')
})
