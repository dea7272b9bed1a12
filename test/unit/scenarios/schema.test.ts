// Scenarios of cdc-spec §8 about schemas that change under a table (docs/schema.md).
import { describe, expect, it } from 'vitest'
import { parsePolicy } from '../../../privacy/policy.ts'
import { decideHeld, planHeld } from '../../../processors/schema/decide-held.ts'
import { defaultModes } from '../../../processors/schema/kinds.ts'
import { tablesShown } from '../../../processors/schema/shown.ts'
import { SourceSchemas } from '../../../processors/source-schemas.ts'
import { loadGoldModels } from '../../../sql/gold-models.ts'
import { c, d, Forge, r, raw, t, u } from './forge.ts'
import { look, snapshotOf } from './forged-snapshot.ts'
import { ddl, type ForgedColumn, keep } from './schema-events.ts'

const id: ForgedColumn = { name: 'id', type: 'INT' }
const v: ForgedColumn = { name: 'v', type: 'VARCHAR', length: 20 }
const micros = (text: string) => Date.parse(text) * 1_000
const open = (...columns: string[]) => Forge.open({ schemas: [], policy: keep('id', 'v', ...columns) })
const create = (...columns: ForgedColumn[]) =>
  ddl({ pos: 5, type: 'CREATE', ddl: 'CREATE TABLE `t` (…)', columns: [id, ...columns], snapshot: 'true' })

it('scenario 35: DATETIME(3) becomes DATETIME(6), and instants before and after are of one scale', async () => {
  await using s = await open('at')
  const at = (length: number): ForgedColumn => ({ name: 'at', type: 'DATETIME', length })
  const early = micros('2026-11-21T10:00:00.123Z')
  await s.step(create(v, at(3)), c(1, { id: 1, v: 'a', at: early }, { pos: 10 }), c(2, { id: 2, v: 'a', at: early }, { pos: 11 }))
  const altered = ddl({ pos: 20, ddl: 'ALTER TABLE t MODIFY `at` DATETIME(6)', columns: [id, v, at(6)] })
  await s.step(altered, u(1, { id: 1, v: 'b', at: early + 456 }, { pos: 30 }))
  expect(await s.silver('t', 'id', 'at')).toEqual([
    ['1', '2026-11-21 10:00:00.123456+00'],
    ['2', '2026-11-21 10:00:00.123+00'],
  ])
  expect(await s.identical()).toBe('identical')
})

it('scenario 41: a column added with DEFAULT 7 is 7 in rows that no event tells of, and an event from before does not fail', async () => {
  await using s = await open('n')
  const before = c(2, { id: 2, v: 'b' }, { pos: 12 })
  await s.step(create(v), c(1, { id: 1, v: 'a' }, { pos: 10 }), before)
  const n: ForgedColumn = { name: 'n', type: 'INT', optional: false }
  await s.step(ddl({ pos: 20, ddl: 'ALTER TABLE t ADD COLUMN n INT NOT NULL DEFAULT 7 COMMENT "a, b"', columns: [id, v, n] }))
  expect(await s.silver('t', 'id', 'n')).toEqual([
    ['1', '7'],
    ['2', '7'],
  ])
  await s.step(c(3, { id: 3, v: 'c', n: 1 }, { pos: 30 }), before)
  expect(await s.silver('t', 'id', 'n')).toEqual([
    ['1', '7'],
    ['2', '7'],
    ['3', '1'],
  ])
  expect(await s.quarantine()).toEqual([])
  expect(await s.identical()).toBe('identical')
})

it('scenario 42: a column renamed by a statement carries its values; without one the table waits, and nothing becomes NULL', async () => {
  await using s = await open('w')
  const w: ForgedColumn = { ...v, name: 'w' }
  await s.step(create(v), c(1, { id: 1, v: 'a' }, { pos: 10 }), c(2, { id: 2, v: 'b' }, { pos: 12 }))
  // The row arrives before its schema change.
  await s.step(u(1, { id: 1, w: 'A' }, { pos: 30 }))
  expect(s.halted['shop.t']).toMatchObject({ code: 'SCHEMA_BEHIND', reason: expect.stringContaining('w') })
  expect(await s.silver('t', 'id', 'v')).toEqual([
    ['1', 'a'],
    ['2', 'b'],
  ])
  await s.step(ddl({ pos: 20, ddl: 'ALTER TABLE `shop`.t CHANGE COLUMN v w VARCHAR(20)', columns: [id, w] }))
  expect(s.halted).toEqual({})
  expect(await s.silver('t', 'id', 'w')).toEqual([
    ['1', 'A'],
    ['2', 'b'],
  ])
  expect((await s.events.lake.current('silver/shop/t'))!.fields.map(({ name }) => name)).not.toContain('v')
  expect(await s.history('t', 'id', 'w')).toEqual([
    ['c', '1', 'a'],
    ['c', '2', 'b'],
    ['u', '1', 'A'],
  ])
  expect(await s.identical()).toBe('identical')
})

it('scenario 42: a column that went and one that came without a word about either hold the table', async () => {
  await using s = await open('w')
  const w: ForgedColumn = { ...v, name: 'w' }
  await s.step(create(v), c(1, { id: 1, v: 'a' }, { pos: 10 }), c(2, { id: 2, v: 'b' }, { pos: 12 }))
  await s.step(ddl({ pos: 20, ddl: 'ALTER TABLE t /* unreadable `', columns: [id, w] }), u(1, { id: 1, w: 'A' }, { pos: 30 }))
  expect(await s.silver('t', 'id', 'v')).toEqual([
    ['1', 'a'],
    ['2', 'b'],
  ])
  expect(await s.identical()).toBe('identical')
  await decide(s, 'approve', { renamed: [{ from: 'v', to: 'w' }] })
  await s.refine()
  expect(await s.silver('t', 'id', 'w')).toEqual([
    ['1', 'A'],
    ['2', 'b'],
  ])
  expect(await s.identical()).toBe('identical')
})

it('scenario 48: values with and without their schema in one topic give the same rows', async () => {
  await using s = await open('n')
  const n: ForgedColumn = { name: 'n', type: 'BIGINT UNSIGNED' }
  await s.step(
    create(v, n),
    c(1, { id: 1, v: 'a', n: -1 }, { pos: 10, wrapped: true }),
    c(2, { id: 2, v: 'b', n: 7 }, { pos: 12 }),
  )
  await s.step(u(2, { id: 2, v: 'B', n: -1 }, { pos: 14, wrapped: true }), u(1, { id: 1, v: 'A', n: 7 }, { pos: 16 }))
  await s.step(ddl({ pos: 20, ddl: 'ALTER TABLE t MODIFY v VARCHAR(40)', columns: [id, { ...v, length: 40 }, n], wrapped: true }))
  await s.step(
    d(1, { pos: 22, wrapped: true, before: { id: 1, v: 'A', n: 7 } }),
    c(3, { id: 3, v: 'c', n: -2 }, { pos: 24, wrapped: true }),
  )
  expect(await s.silver('t', 'id', 'v', 'n')).toEqual([
    ['2', 'B', '18446744073709551615'],
    ['3', 'c', '18446744073709551614'],
  ])
  expect(await s.identical()).toBe('identical')
})

describe('an event is typed by the schema that was valid at its place', () => {
  it('INT becomes BIGINT UNSIGNED: a negative number stays one, a wrapped one is unwrapped, sent again as well', async () => {
    await using s = await open('n')
    const n = (type: string): ForgedColumn => ({ name: 'n', type })
    const negative = c(1, { id: 1, v: 'a', n: -5 }, { pos: 10 })
    const positive = u(1, { id: 1, v: 'a', n: 5 }, { pos: 12 })
    await s.step(create(v, n('INT')), negative, positive)
    const altered = ddl({ pos: 20, ddl: 'ALTER TABLE t MODIFY n BIGINT UNSIGNED', columns: [id, v, n('BIGINT UNSIGNED')] })
    // A zombie of the connector sends all of it again, behind the new schema's events.
    await s.step(altered, c(2, { id: 2, v: 'b', n: -1 }, { pos: 30 }), negative, positive)
    expect(await s.silver('t', 'id', 'n')).toEqual([
      ['1', '5'],
      ['2', '18446744073709551615'],
    ])
    expect((await s.history('t', 'id', 'n')).map(([, , value]) => value)).toEqual(['-5', '5', '18446744073709551615'])
    expect(await s.identical()).toBe('identical')
  })

  it('by GTID where both have one, whatever the files are called', async () => {
    await using s = await open('n')
    const n = (type: string): ForgedColumn => ({ name: 'n', type })
    await s.step(create(v, n('INT')), c(1, { id: 1, v: 'a', n: -5 }, { pos: 900, gtid: 'a:10', file: 'binlog.000009' }))
    await s.step(
      ddl({
        pos: 20,
        gtid: 'a:11',
        file: 'other.000001',
        ddl: 'ALTER TABLE t MODIFY n BIGINT UNSIGNED',
        columns: [id, v, n('BIGINT UNSIGNED')],
      }),
      c(2, { id: 2, v: 'b', n: -1 }, { pos: 30, gtid: 'a:12', file: 'other.000001' }),
    )
    expect(await s.silver('t', 'id', 'n')).toEqual([
      ['1', '-5'],
      ['2', '18446744073709551615'],
    ])
    expect(await s.identical()).toBe('identical')
  })
})

it('a connector that starts anew tells of the same tables, and nothing changes', async () => {
  await using s = await open('n')
  const columns = [id, v, { name: 'n', type: 'INT' }]
  const altered = ddl({ pos: 20, ddl: 'ALTER TABLE t ADD n INT', columns })
  await s.step(create(v), c(1, { id: 1, v: 'a' }, { pos: 10 }), altered, c(2, { id: 2, v: 'b', n: 2 }, { pos: 30 }))
  await s.step(create(v), altered)
  await s.step(
    ddl({ pos: 40, type: 'DROP', ddl: 'DROP TABLE IF EXISTS `t`', snapshot: 'true' }),
    ddl({ pos: 40, type: 'CREATE', ddl: 'CREATE TABLE `t` (…)', columns, snapshot: 'true' }),
    r(1, { id: 1, v: 'a', n: null }, { pos: 40 }),
    r(2, { id: 2, v: 'b', n: 2 }, { pos: 40 }),
  )
  const [shown] = await tablesShown({ ...s.events, modes: defaultModes }, 't')
  expect(shown!.versions.map(({ id: version }) => version)).toEqual(['binlog.000001:5', 'binlog.000001:20'])
  expect(await s.silver('t', 'id', 'n')).toEqual([
    ['1', null],
    ['2', '2'],
  ])
  expect(await s.identical()).toBe('identical')
})

describe('a held change', () => {
  const n = (type: string): ForgedColumn => ({ name: 'n', type })
  const narrowed = ddl({ pos: 20, ddl: 'ALTER TABLE t MODIFY n INT', columns: [id, v, n('INT')] })

  it('keeps silver at its place, wherever the steps were cut, and goes on when approved', async () => {
    for (const cut of [false, true]) {
      await using s = await open('n')
      const records = [
        create(v, n('BIGINT')),
        c(1, { id: 1, v: 'a', n: 5_000_000_000 }, { pos: 10 }),
        c(2, { id: 2, v: 'b', n: 1 }, { pos: 12 }),
        narrowed,
        u(2, { id: 2, v: 'B', n: 2 }, { pos: 30 }),
        c(3, { id: 3, v: 'c', n: 3 }, { pos: 32 }),
      ]
      if (cut) await s.steps(...records)
      else await s.step(...records)
      expect(await s.silver('t', 'id', 'v')).toEqual([
        ['1', 'a'],
        ['2', 'b'],
      ])
      expect(await s.identical()).toBe('identical')
      await s.step(d(1, { pos: 40, before: { id: 1, v: 'a', n: 5 } }))
      expect(await s.silver('t', 'id')).toEqual([['1'], ['2']])
      const [shown] = await tablesShown({ ...s.events, modes: defaultModes }, 't')
      expect(shown!.held).toMatchObject({ id: 'binlog.000001:20', from: [{ partition: 0, offset: '2' }] })
      await decide(s, 'approve')
      await s.refine()
      expect(await s.silver('t', 'id', 'v', 'n')).toEqual([
        ['2', 'B', '2'],
        ['3', 'c', '3'],
      ])
      expect(await s.identical()).toBe('identical')
      await s.step(u(3, { id: 3, v: 'C', n: 4 }, { pos: 50 }))
      expect(await s.silver('t', 'id', 'v')).toEqual([
        ['2', 'B'],
        ['3', 'C'],
      ])
      expect(await s.identical()).toBe('identical')
    }
  })

  it('a truncate behind it waits too', async () => {
    await using s = await open('n')
    await s.step(create(v, n('BIGINT')), c(1, { id: 1, v: 'a', n: 1 }, { pos: 10 }), narrowed, t({ pos: 30 }))
    expect(await s.silver('t', 'id')).toEqual([['1']])
    expect(await s.identical()).toBe('identical')
    await decide(s, 'reject')
    await s.refine()
    expect(await s.silver('t', 'id')).toEqual([])
    expect(await s.identical()).toBe('identical')
  })

  it('is told of history as of silver: neither is made anew where no row must be', async () => {
    await using s = await open('n')
    await s.step(create(v, n('BIGINT')), c(1, { id: 1, v: 'a', n: 1 }, { pos: 10 }))
    await s.step(narrowed)
    const plan = await decide(s, 'approve')
    expect(plan.silver.at(-1)).toBe('goes on as it is; no row is written anew')
    expect(plan.history).toEqual(['goes on as it is'])
  })

  it('rows of another type cannot be ignored, and that is said', async () => {
    await using s = await open('n')
    const text: ForgedColumn = { name: 'n', type: 'VARCHAR', length: 3 }
    await s.step(create(v, n('BIGINT')), c(1, { id: 1, v: 'a', n: 1 }, { pos: 10 }))
    await s.step(
      ddl({ pos: 20, ddl: 'ALTER TABLE t MODIFY n VARCHAR(3)', columns: [id, v, text] }),
      u(1, { id: 1, v: 'a', n: 'x' }, { pos: 30 }),
    )
    expect(await s.silver('t', 'id', 'n')).toEqual([['1', '1']])
    await expect(decide(s, 'reject')).rejects.toMatchObject({ code: 'SCHEMA_REFUSED' })
    const plan = await decide(s, 'approve')
    expect(plan.silver.join()).toMatch(/takes the new type .*is made anew from 2 bronze records/)
    expect(plan.history.join()).toContain('made anew with silver')
    await s.refine()
    expect(await s.silver('t', 'id', 'n')).toEqual([['1', 'x']])
    expect(await s.identical()).toBe('identical')
  })

  it('a new primary key begins a new table with what a snapshot since then has brought', async () => {
    await using s = await open('k')
    const k: ForgedColumn = { name: 'k', type: 'INT' }
    await s.step(create(v, k), c(1, { id: 1, v: 'a', k: 1 }, { pos: 10 }), c(2, { id: 2, v: 'b', k: 1 }, { pos: 12 }))
    const key = ddl({
      pos: 20,
      ddl: 'ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (id, k)',
      columns: [id, v, k],
      key: ['id', 'k'],
    })
    const at = (one: number, two: number) => ({ id: one, k: two })
    await s.step(key, c(at(1, 2), { id: 1, v: 'c', k: 2 }, { pos: 30 }))
    expect(await s.silver('t', 'id', 'k')).toEqual([
      ['1', '1'],
      ['2', '1'],
    ])
    const incremental = { snapshot: 'incremental', pos: 40 }
    await s.step(r(at(1, 1), { id: 1, v: 'a', k: 1 }, incremental), r(at(1, 2), { id: 1, v: 'c', k: 2 }, incremental))
    await decide(s, 'approve')
    await s.refine()
    expect(await s.silver('t', 'id', 'k', 'v')).toEqual([
      ['1', '1', 'a'],
      ['1', '2', 'c'],
    ])
    expect(await s.identical()).toBe('identical')
  })

  it('rejected, a renamed column is a new one beside the old', async () => {
    await using s = await open('w')
    await s.step(create(v), c(1, { id: 1, v: 'a' }, { pos: 10 }))
    const unread = ddl({ pos: 20, ddl: "ALTER TABLE t ADD w INT DEFAULT 'unended", columns: [id, { ...v, name: 'w' }] })
    await s.step(unread, c(2, { id: 2, w: 'b' }, { pos: 30 }))
    await decide(s, 'reject')
    await s.refine()
    expect(await s.silver('t', 'id', 'v', 'w')).toEqual([
      ['1', 'a', null],
      ['2', null, null],
    ])
    expect(await s.identical()).toBe('identical')
  })
})

it('a table that was dropped and made again waits, then begins anew', async () => {
  await using s = await open()
  await s.step(create(v), c(1, 'a', { pos: 10 }), c(2, 'b', { pos: 12 }))
  await s.step(ddl({ pos: 20, type: 'DROP', ddl: 'DROP TABLE `t`' }))
  expect(await s.silver()).toHaveLength(2)
  await s.step(ddl({ pos: 30, type: 'CREATE', ddl: 'CREATE TABLE t (…)', columns: [id, v] }), c(1, 'new', { pos: 40 }))
  expect(await s.silver('t', 'id', 'v')).toEqual([
    ['1', 'a'],
    ['2', 'b'],
  ])
  await decide(s, 'approve')
  await s.refine()
  expect(await s.silver('t', 'id', 'v')).toEqual([['1', 'new']])
  expect(await s.identical()).toBe('identical')
})

it('a database that was dropped takes its tables with it, though no event names them', async () => {
  await using s = await open()
  await s.step(create(v), c(1, 'a', { pos: 10 }), c(2, 'b', { pos: 12 }))
  await s.step(
    raw(
      {
        source: { file: 'binlog.000001', pos: 20, snapshot: 'false' },
        databaseName: 'shop',
        ddl: 'DROP DATABASE shop',
        tableChanges: [],
      },
      { topic: 'shop', key: { databaseName: 'shop' } },
    ),
  )
  await s.step(ddl({ pos: 30, type: 'CREATE', ddl: 'CREATE TABLE t (…)', columns: [id, v] }), c(1, 'new', { pos: 40 }))
  await decide(s, 'approve')
  await s.refine()
  expect(await s.silver('t', 'id', 'v')).toEqual([['1', 'new']])
  expect(await s.identical()).toBe('identical')
})

it('a key of another type begins anew: rows from before have no key that the new ones could be found by', async () => {
  await using s = await open()
  await s.step(create(v), c(1, 'a', { pos: 10 }), c(2, 'b', { pos: 12 }))
  const code: ForgedColumn = { name: 'id', type: 'VARCHAR', length: 5 }
  await s.step(
    ddl({ pos: 20, ddl: 'ALTER TABLE t MODIFY id VARCHAR(5)', columns: [code, v] }),
    u('1', { id: '1', v: 'A' }, { pos: 30 }),
  )
  expect((await decide(s, 'approve')).silver.join()).toContain('begins anew')
  await s.refine()
  expect(s.halted).toEqual({})
  expect(await s.silver('t', 'id', 'v')).toEqual([['1', 'A']])
  expect(await s.identical()).toBe('identical')
})

describe('a table that waits at a change and is snapshotted meanwhile', () => {
  const narrow: ForgedColumn = { ...v, length: 5 }
  const altered = () => ddl({ pos: 20, ddl: 'ALTER TABLE t MODIFY v VARCHAR(5)', columns: [id, narrow] })
  const retold = (pos: number) => [
    ddl({ pos, type: 'DROP', ddl: 'DROP TABLE IF EXISTS `shop`.`t`' }),
    ddl({ pos, type: 'CREATE', ddl: 'CREATE TABLE `t` (…)', columns: [id, narrow] }),
  ]

  it('loses nothing, and is swept once the change is decided', async () => {
    await using s = await open()
    await s.step(create(v), c(1, 'a', { pos: 10 }), c(2, 'gone', { pos: 12 }), c(3, 'abcdefgh', { pos: 14 }))
    await s.step(altered(), u(1, 'A', { pos: 30 }))
    await s.step(...retold(40))
    await snapshotOf(s, [r(1, 'A', { pos: 40 }), r(3, 'abcde', { pos: 40 })])
    await s.refine()
    await look(s)
    await s.refine()
    await s.step(c(4, 'd', { pos: 50 }))
    expect(await s.silver()).toEqual([
      ['1', 'a'],
      ['2', 'gone'],
      ['3', 'abcdefgh'],
    ])
    expect(await s.identical()).toBe('identical')
    await decide(s, 'approve')
    await s.refine()
    expect(await s.silver()).toEqual([
      ['1', 'A'],
      ['3', 'abcde'],
      ['4', 'd'],
    ])
    expect(await s.identical()).toBe('identical')
  })

  it('of an emptied table, rows that come after the sweep do not keep the sweep from a rebuild', async () => {
    await using s = await open()
    await s.step(create(v), c(1, 'a', { pos: 10 }), c(2, 'b', { pos: 12 }))
    await s.step(altered())
    await s.step(...retold(40))
    await snapshotOf(s, [])
    await look(s)
    await s.refine()
    expect(await s.silver()).toEqual([])
    await s.step(c(3, 'c', { pos: 50 }))
    expect(await s.silver()).toEqual([])
    expect(await s.identical()).toBe('identical')
    await decide(s, 'approve')
    await s.refine()
    expect(await s.silver()).toEqual([['3', 'c']])
    expect(await s.identical()).toBe('identical')
  })
})

it("an altered copy that takes the table's place brings its column's default", async () => {
  await using s = await open('n')
  const n: ForgedColumn = { name: 'n', type: 'INT' }
  await s.step(create(v), c(1, 'a', { pos: 10 }))
  const copy = { table: '_t_gho' }
  await s.step(
    ddl({ pos: 20, type: 'CREATE', ddl: 'CREATE TABLE `_t_gho` LIKE t', columns: [id, v], ...copy }),
    ddl({ pos: 22, ddl: 'ALTER TABLE `_t_gho` ADD n INT DEFAULT 7', columns: [id, v, n], ...copy }),
    ddl({ pos: 30, ddl: 'RENAME TABLE t TO _t_del', columns: [id, v], table: '_t_del' }),
    ddl({ pos: 30, ddl: 'RENAME TABLE _t_gho TO t', columns: [id, v, n] }),
    c(2, { id: 2, v: 'b', n: 8 }, { pos: 40 }),
  )
  expect(await s.silver('t', 'id', 'n')).toEqual([
    ['1', '7'],
    ['2', '8'],
  ])
  expect(await s.identical()).toBe('identical')
})

async function decide(s: Forge, verdict: 'approve' | 'reject', more: { renamed?: { from: string; to: string }[] } = {}) {
  const { policy } = await s.way('shop.t')
  const options = {
    ...{ duck: s.events.duck, lake: s.events.lake, keys: new Map(), modes: defaultModes },
    ...{ policy: parsePolicy(policy, 'policy.yaml'), gold: await loadGoldModels() },
  }
  const planned = await planHeld(options, 't', { verdict, ...more })
  await decideHeld(options, planned)
  return planned.judgement
}

it('a table that only MySQL itself tells of is read by its word, which bronze keeps', async () => {
  await using s = await open()
  await s.ingest(c(1, 'a', { pos: 10 }), c(2, 'b', { pos: 12 }))
  const told = {
    database: 'shop',
    table: 't',
    primaryKey: ['id'],
    columns: [id, v].map(({ name, type }, i) => ({ name, typeName: type, optional: i > 0, position: i + 1 })),
  }
  const schemas = new SourceSchemas(s.events.duck, s.events.lake)
  expect(await schemas.get(told)).toBeUndefined()
  await schemas.ask(told, async () => told)
  await s.refine()
  expect(await s.silver()).toEqual([
    ['1', 'a'],
    ['2', 'b'],
  ])
  expect(await schemas.all()).toHaveLength(1)
  expect(await s.identical()).toBe('identical')
})

it('an event from before a column came has its default, though its place does not tell that it was before', async () => {
  await using s = await open('n')
  await s.step(create(v), c(1, 'a', { pos: 10 }))
  const n: ForgedColumn = { name: 'n', type: 'INT' }
  await s.step(ddl({ pos: 20, ddl: 'ALTER TABLE t ADD n INT DEFAULT 7', columns: [id, v, n] }))
  // Another server's log: only its clock, which is ahead, can be compared.
  await s.step(c(2, { id: 2, v: 'b' }, { pos: 5, file: 'other.000009', ts: Date.parse('2027-06-01') }))
  expect(await s.silver('t', 'id', 'n')).toEqual([
    ['1', '7'],
    ['2', '7'],
  ])
  expect(await s.identical()).toBe('identical')
})

it('what MySQL itself told of a table is what a change changed, if nothing else tells how it began', async () => {
  await using s = await open('w', 'n')
  await s.ingest(c(1, 'a', { pos: 10 }), c(2, 'b', { pos: 12 }))
  const told = {
    ...{ database: 'shop', table: 't', primaryKey: ['id'] },
    columns: [id, v].map(({ name, type, length }, i) => ({
      ...{ name, typeName: type, optional: i > 0, position: i + 1 },
      ...(length ? { length } : {}),
    })),
  }
  const schemas = new SourceSchemas(s.events.duck, s.events.lake)
  await schemas.ask(told, async () => told)
  await s.refine()
  const [w, n]: ForgedColumn[] = [
    { ...v, name: 'w' },
    { name: 'n', type: 'INT' },
  ]
  await s.step(
    ddl({ pos: 20, ddl: 'ALTER TABLE t RENAME COLUMN v TO w, ADD n INT DEFAULT 7', columns: [id, w!, n!] }),
    c(3, { id: 3, w: 'c', n: 1 }, { pos: 30 }),
  )
  expect(s.halted).toEqual({})
  expect(await s.silver('t', 'id', 'w', 'n')).toEqual([
    ['1', 'a', '7'],
    ['2', 'b', '7'],
    ['3', 'c', '1'],
  ])
  expect(await s.identical()).toBe('identical')
  // A snapshot tells of everything; then nothing else is needed.
  await s.step(ddl({ pos: 40, type: 'CREATE', ddl: 'CREATE TABLE t (…)', columns: [id, w!, n!], snapshot: 'true' }))
  expect(await s.identical()).toBe('identical')
})

describe('a masked column that is renamed', () => {
  const note: ForgedColumn = { name: 'note', type: 'VARCHAR', length: 20 }
  const policy = keep('id', 'v', 'note', 'w').replace(
    'v: {class: operational, strategy: keep}',
    'v: {class: personal, strategy: partial.name}',
  )
  const fields = async (s: Forge) =>
    (await s.events.lake.current('silver/shop/t'))!.fields.map(({ name }) => name).filter(name => !name.startsWith('_'))

  it('to a name that the policy keeps does not reach silver', async () => {
    await using s = await Forge.open({ schemas: [], policy })
    await s.step(create(v), c(1, 'secret', { pos: 10 }))
    await s.step(
      ddl({ pos: 20, ddl: 'ALTER TABLE t RENAME COLUMN v TO w', columns: [id, { ...v, name: 'w' }] }),
      c(2, { id: 2, w: 'secret' }, { pos: 30 }),
    )
    expect(await fields(s)).toEqual(['id'])
    expect(await s.silver('t', 'id')).toEqual([['1'], ['2']])
    await s.step(
      ddl({ pos: 40, ddl: 'ALTER TABLE t CHANGE w note VARCHAR(20)', columns: [id, note] }),
      c(3, { id: 3, note: 'secret' }, { pos: 50 }),
    )
    expect(await fields(s)).toEqual(['id'])
    expect(await s.identical()).toBe('identical')
  })

  it('in place of another that takes its name is no clearer', async () => {
    await using s = await Forge.open({ schemas: [], policy })
    await s.step(create(v, note), c(1, { id: 1, v: 'secret', note: 'n' }, { pos: 10 }))
    await s.step(
      ddl({ pos: 20, ddl: 'ALTER TABLE t RENAME COLUMN v TO note, RENAME COLUMN note TO v', columns: [id, note, v] }),
      c(2, { id: 2, v: 'n', note: 'secret' }, { pos: 30 }),
    )
    expect(await fields(s)).toEqual(['id', 'v'])
    expect((await s.silver('t', 'v')).flat()).not.toContain('secret')
    expect(await s.identical()).toBe('identical')
  })

  it('is shown by a person only, who is told so before', async () => {
    await using s = await Forge.open({ schemas: [], policy })
    await s.step(create(v), c(1, 'secret', { pos: 10 }))
    await s.step(ddl({ pos: 20, ddl: "ALTER TABLE t RENAME COLUMN v TO w COMMENT 'unended", columns: [id, { ...v, name: 'w' }] }))
    const plan = await decide(s, 'approve', { renamed: [{ from: 'v', to: 'w' }] })
    expect(plan.policy.join()).toMatch(/column w SHOWS the values/)
    await s.refine()
    expect(await s.silver('t', 'id', 'w')).toEqual([['1', 'secret']])
    expect(await s.identical()).toBe('identical')
  })
})

it('a column that the policy does not name stays in bronze, renamed as well, and the plan says so', async () => {
  await using s = await open()
  const w: ForgedColumn = { ...v, name: 'w' }
  await s.step(create(v), c(1, 'a', { pos: 10 }))
  await s.step(
    ddl({ pos: 20, ddl: "ALTER TABLE t RENAME COLUMN v TO w COMMENT 'unended", columns: [id, w] }),
    u(1, { id: 1, w: 'b' }, { pos: 30 }),
  )
  const plan = await decide(s, 'approve', { renamed: [{ from: 'v', to: 'w' }] })
  expect(plan.policy.join()).toMatch(/column w does not reach silver: .* has no rule for it/)
  await s.refine()
  expect(
    (await s.events.lake.current('silver/shop/t'))!.fields.map(({ name }) => name).filter(name => !name.startsWith('_')),
  ).toEqual(['id'])
  expect(await s.silver('t', 'id')).toEqual([['1']])
  expect(await s.identical()).toBe('identical')
})
