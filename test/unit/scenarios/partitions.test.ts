// What a topic of several partitions may do to the order: workers whose clocks differ, partitions that come late, rows that move (docs/order.md).
import { afterEach, expect, it, vi } from 'vitest'
import { decideFor } from '../../../processors/decisions.ts'
import { SourceSchemas, schemaKind } from '../../../processors/source-schemas.ts'
import { c, Forge, r, start, t, u } from './forge.ts'
import { snapshotOf } from './forged-snapshot.ts'
import { openVersions } from './open-versions.ts'
import { ddl, keep } from './schema-events.ts'

afterEach(() => {
  vi.useRealTimers()
})

it('scenario 28: a truncate that came while one partition alone was known ends older rows of the others too', async () => {
  for (const compacted of [false, true]) {
    await using s = await Forge.open()
    await s.step(c(9, 'y', { pos: 20 }))
    await s.step(t({ pos: 50 }))
    if (compacted) await s.compactBronze()
    await s.steps(
      c(1, 'a', { pos: 40, partition: 1 }),
      c(2, 'b', { pos: 60, partition: 1 }),
      c(3, 'z', { pos: 45, partition: 1 }),
    )
    expect(await s.silver()).toEqual([['2', 'b']])
    expect(await s.identical()).toBe('identical')
  }
})

it('scenario 28: the truncate was there first, even if the worker that brought it has a clock that is ahead', async () => {
  await using s = await Forge.open()
  await s.step(c(8, 'x', { pos: 10, partition: 1 }), c(9, 'y', { pos: 20 }))
  await s.step(t({ pos: 50 }))
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 60_000 })
  await s.step(c(1, 'a', { pos: 40, partition: 1 }))
  vi.useRealTimers()
  await s.step(c(2, 'b', { pos: 60, partition: 1 }))
  expect(await s.silver()).toEqual([['2', 'b']])
  expect(await s.identical()).toBe('identical')
})

it('scenario 28: of a row that was not there a truncate says nothing within its own partition, whether the other was known or not', async () => {
  const day = 86_400_000
  for (const first of [true, false]) {
    for (const size of [1, 9]) {
      await using s = await Forge.open()
      const at = (n: number, file: string, ts: number) => ({
        gtid: `a:${n}`,
        order: 1,
        file,
        pos: n * 10,
        ts: start + ts,
        partition: 1,
      })
      const other = c(9, 'y', { gtid: 'a:5', order: 1, file: 'binlog.000001', pos: 50, ts: start + day + 5 })
      // The numbers begin anew behind the truncate; the row under them is the first of its key.
      const all = [
        c(3, 'x', at(3, 'binlog.000002', 3)),
        t(at(4, 'binlog.000002', 4)),
        c(1, 'a', at(1, 'binlog.000001', day)),
        u(1, 'b', at(2, 'binlog.000001', day + 1)),
      ]
      const records = first ? [other, ...all] : [...all, other]
      for (let from = 0; from < records.length; from += size) await s.step(...records.slice(from, from + size))
      expect(s.halted).toEqual({})
      expect(await s.identical()).toBe('identical')
    }
  }
})

it('two workers that append at once come one after the other, by bronze’s own count of time', async () => {
  await using s = await Forge.open()
  await s.step(c(1, 'a', { pos: 10 }), c(2, 'b', { pos: 20, partition: 1 }))
  await Promise.all([
    s.ingest(t({ pos: 50 })),
    s.ingest(c(3, 'c', { pos: 40, partition: 1 }), c(4, 'd', { pos: 60, partition: 1 })),
  ])
  await s.refine()
  const times = await s.events.rows('bronze/shop/t', '_ingested_at')
  expect(new Set(times.map(([at]) => at)).size).toBe(3)
  expect(await s.silver()).toEqual([['4', 'd']])
  expect(await s.identical()).toBe('identical')
})

it('history ends the versions of a row that moved where it moved, and of a row that a truncate in another partition ended', async () => {
  const at = (n: number, partition: number) => ({ gtid: `a:${n}`, order: 1, partition, pos: n * 10 })
  await using s = await Forge.open()
  await s.step(c(2, 'x', at(1, 0)), c(1, 'a', at(2, 0)), u(1, 'b', at(3, 0)))
  await s.step(u(1, 'c', at(4, 1)))
  expect(await openVersions(s)).toEqual([
    ['1', 'c'],
    ['2', 'x'],
  ])
  await s.step(t(at(5, 1)), c(3, 'z', at(6, 1)))
  expect(await openVersions(s)).toEqual(await s.silver())
})

it('a row that moved and is read again as it is gets no version, in one step or in many', async () => {
  const at = (n: number, partition: number) => ({ gtid: `a:${n}`, order: 1, partition, pos: n * 10 })
  const read = r(1, 'c', { gtid: 'a:4', pos: 40, partition: 1, snapshot: 'incremental' })
  const all = [c(2, 'x', at(1, 0)), c(1, 'a', at(2, 0)), u(1, 'c', at(3, 0)), read, u(1, 'd', at(5, 1))]
  for (const size of [1, 2, 5]) {
    await using s = await Forge.open()
    for (let from = 0; from < all.length; from += size) await s.step(...all.slice(from, from + size))
    expect((await s.history('t', 'v')).map(([, v]) => v).sort()).toEqual(['a', 'c', 'd', 'x'])
    expect(await s.identical()).toBe('identical')
  }
})

it('a table without a key goes on when it is given one, and does what its message says', async () => {
  await using s = await Forge.open({ schemas: [], policy: keep('id', 'v', 'my_row_id') })
  const columns = [
    { name: 'id', type: 'INT' },
    { name: 'v', type: 'VARCHAR', length: 20 },
  ]
  await s.ingest(ddl({ pos: 1, ddl: 'CREATE TABLE t (id INT, v VARCHAR(20))', columns, key: [], type: 'CREATE' }))
  await s.step(c(1, 'a', { kafkaKey: null, pos: 10 }), c(1, 'b', { kafkaKey: null, pos: 20, partition: 1 }))
  expect(s.halted['shop.t']!.reason).toContain(
    '`binlake snapshot shop.t` and, once it is through, `binlake schema approve shop.t`',
  )
  const key = ['my_row_id']
  const alter = 'ALTER TABLE t ADD COLUMN my_row_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT INVISIBLE PRIMARY KEY'
  await s.ingest(ddl({ pos: 100, ddl: alter, columns: [...columns, { name: 'my_row_id', type: 'BIGINT UNSIGNED' }], key }))
  const place = (my_row_id: number, partition: number) => ({ kafkaKey: { my_row_id }, pos: 100 + 10 * my_row_id, partition })
  await snapshotOf(s, [r(1, { id: 1, v: 'a', my_row_id: 1 }, place(1, 1))])
  await s.step(c(2, { id: 1, v: 'a', my_row_id: 2 }, place(2, 0)))
  const schema = await new SourceSchemas(s.events.duck, s.events.lake).get({ database: 'shop', table: 't' })
  const content = { change: schema!.timeline!.held!.id, verdict: 'approve' }
  await decideFor(s.events, [{ table: { database: 'shop', table: 't' }, kind: schemaKind, content }])
  await s.refine()
  expect(s.halted).toEqual({})
  expect(await s.silver('t', 'id', 'v')).toEqual([
    ['1', 'a'],
    ['1', 'a'],
  ])
  expect(await s.identical()).toBe('identical')
})
