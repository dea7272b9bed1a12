import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commit } from '../../../lake/commit.ts'
import { factsOf } from '../../../lake/facts.ts'
import type { SourceTable } from '../../../processors/source-schema.ts'
import { keepAll, LakeOfEvents, schema } from './lake-of-events.ts'

let events: LakeOfEvents
beforeEach(async () => {
  events = await LakeOfEvents.open()
})
afterEach(() => events.close())

const silver = () => events.rows('silver/shop/t', 'id', 'v')
const history = () => events.rows('silver/shop/t_history', '_seq', '_op', 'id', 'v')
const quarantined = () => events.rows('quarantine/shop/t', '_offset', '_reason', '_value')

describe('refine', () => {
  it('keeps the newest row of each key, and every version in the history', async () => {
    await events.ingest(
      { op: 'c', id: 1, v: 'a', pos: 10 },
      { op: 'c', id: 2, v: 'x', pos: 20 },
      { op: 'u', id: 1, v: 'b', pos: 30 },
    )
    expect(await events.refine()).toEqual({ version: 0, rows: 3, more: false })
    await events.ingest({ op: 'd', id: 2, pos: 40 }, { op: 'u', id: 1, v: 'c', pos: 50 })
    await events.refine()
    expect(await silver()).toEqual([['1', 'c']])
    expect((await history()).map(row => row.slice(1))).toEqual([
      ['c', '1', 'a'],
      ['c', '2', 'x'],
      ['u', '1', 'b'],
      ['d', '2', null],
      ['u', '1', 'c'],
    ])
    expect(await events.refine()).toBeUndefined()
  })

  it('lets replays pass by wherever a batch is cut, and keeps a deleted key deleted', async () => {
    await events.ingest(
      { op: 'c', id: 1, v: 'a', pos: 10 },
      { op: 'u', id: 1, v: 'b', pos: 20 },
      { op: 'd', id: 1, pos: 30 },
      { op: 'c', id: 2, v: 'x', pos: 40 },
    )
    await events.refine()
    await events.ingest({ op: 'c', id: 1, v: 'a', pos: 10 }, { op: 'u', id: 1, v: 'b', pos: 20 })
    await events.refine()
    expect(await silver()).toEqual([['2', 'x']])
    await events.ingest({ op: 'd', id: 1, pos: 30 }, { op: 'c', id: 2, v: 'x', pos: 40 }, { op: 'c', id: 1, v: 'again', pos: 50 })
    await events.refine()
    expect(await silver()).toEqual([
      ['1', 'again'],
      ['2', 'x'],
    ])
    expect(await history()).toHaveLength(5)
  })

  it('adds no version when the newest change of a key comes again', async () => {
    await events.ingest({ op: 'c', id: 1, v: 'a', pos: 10 }, { op: 'u', id: 1, v: 'b', pos: 20 })
    await events.refine()
    await events.ingest({ op: 'u', id: 1, v: 'b', pos: 20 })
    await events.refine()
    expect(await history()).toHaveLength(2)
  })

  it('ends every live row at a truncate, and only those', async () => {
    await events.ingest({ op: 'c', id: 1, v: 'a', pos: 10 }, { op: 'c', id: 2, v: 'b', pos: 20 }, { op: 'd', id: 2, pos: 30 })
    await events.refine()
    await events.ingest({ op: 'c', id: 3, v: 'c', pos: 40 }, { op: 't', pos: 50 }, { op: 'c', id: 4, v: 'd', pos: 60 })
    await events.refine()
    expect(await silver()).toEqual([['4', 'd']])
    expect((await history()).filter(row => row[1] === 't').map(row => row[2])).toEqual(['1', '3'])
    await events.ingest({ op: 'u', id: 1, v: 'late', pos: 10 })
    await events.refine()
    expect(await silver()).toEqual([['4', 'd']])
    await events.ingest({ op: 't', pos: 70 })
    await events.refine()
    expect(await silver()).toEqual([])
  })

  it.each([[[3]], [[2, 1]], [[1, 1, 1]]])(
    'a truncate ends no row that a late copy only seems to bring back, cut into %j',
    async cuts => {
      const changes = [
        { op: 'd', id: 1, pos: 20 },
        { op: 'c', id: 1, v: 'a', pos: 10 },
        { op: 't', pos: 50 },
      ]
      await events.ingest({ op: 'c', id: 1, v: 'a', pos: 10 })
      for (const size of cuts) {
        await events.ingest(...changes.splice(0, size))
        await events.refine()
      }
      expect((await history()).map(row => row[1])).toEqual(['c', 'd'])
      expect(await events.replay({ proveOnly: true })).toMatchObject({ verdict: 'identical' })
    },
  )

  it('sets aside what no column can hold, once, and goes on with the rest', async () => {
    const narrow: SourceTable = {
      ...schema,
      columns: [schema.columns[0]!, { name: 'v', typeName: 'DECIMAL', length: 4, scale: 2, optional: true, position: 2 }],
    }
    await events.ingest(
      { op: 'c', id: 1, v: '12.50', pos: 10 },
      { op: 'c', id: 2, v: '123456.00', pos: 20 },
      { op: 'c', id: 3, v: null, pos: 30 },
    )
    await events.refine({ schema: narrow })
    expect(await silver()).toEqual([
      ['1', '12.50'],
      ['3', null],
    ])
    expect((await quarantined()).map(row => row.slice(0, 2))).toEqual([['1', 'value_does_not_fit']])
    await events.replay({ schema: narrow })
    expect(await quarantined()).toHaveLength(1)
  })

  it('waits for a schema change when events carry a column it does not know', async () => {
    await events.ingest({ op: 'c', id: 1, v: 'a', pos: 10 }, { op: 'c', pos: 20, after: { id: 2, v: 'b', w: 7 } })
    await expect(events.refine()).rejects.toMatchObject({ code: 'SCHEMA_BEHIND', message: expect.stringContaining('w') })
    const wider: SourceTable = {
      ...schema,
      columns: [...schema.columns, { name: 'w', typeName: 'INT', optional: true, position: 3 }],
    }
    const policy = `${keepAll}    w: {class: operational, strategy: keep}\n`
    await events.refine({ schema: wider, policy })
    expect(await events.rows('silver/shop/t', 'id', 'v', 'w')).toEqual([
      ['1', 'a', null],
      ['2', 'b', '7'],
    ])
  })

  it('takes deletes along when rows with and without a new column are in one step', async () => {
    const wider: SourceTable = {
      ...schema,
      columns: [...schema.columns, { name: 'w', typeName: 'INT', optional: true, position: 3 }],
    }
    const policy = `${keepAll}    w: {class: operational, strategy: keep}\n`
    await events.ingest(
      { op: 'c', id: 1, v: 'a', pos: 10 },
      { op: 'd', id: 1, pos: 20 },
      { op: 'c', pos: 30, after: { id: 2, v: 'b', w: 7 } },
    )
    await events.refine({ schema: wider, policy })
    expect(await silver()).toEqual([['2', 'b']])
    expect((await history()).map(row => row[1])).toEqual(['c', 'd', 'c'])
  })

  it('works on columns whatever they are called', async () => {
    const names = [
      'number',
      'rowid',
      'row_id',
      'known',
      'marker',
      'origin',
      'base',
      'o',
      'op',
      'state',
      'changes',
      'e',
      'select',
      "it's",
      'a"b',
    ]
    const odd: SourceTable = {
      ...schema,
      primaryKey: ['number', 'rowid', 'op'],
      columns: names.map((name, i) => ({ name, typeName: 'INT', optional: true, position: i + 1 })),
    }
    const rules = names.map(name => `    ${JSON.stringify(name)}: {class: operational, strategy: keep}`)
    const policy = `version: 1\ntables:\n  t:\n${rules.join('\n')}\n`
    const row = (value: number) => Object.fromEntries(names.map((name, i) => [name, i < 3 || name === 'op' ? 1 : value]))
    await events.ingest(
      { op: 'c', pos: 10, file: 'binlog.000006', after: row(5) },
      { op: 'u', pos: 20, file: 'binlog.000006', after: row(6) },
    )
    await events.refine({ schema: odd, policy })
    await events.ingest(
      { op: 'u', pos: 15, file: 'binlog.000006', after: row(4) },
      { op: 'd', pos: 30, file: 'binlog.000006', after: row(6) },
    )
    await events.refine({ schema: odd, policy })
    await events.ingest(
      { op: 'c', pos: 40, file: 'binlog.000006', after: row(7) },
      { op: 't', pos: 50, file: 'binlog.000006' },
      { op: 'c', pos: 60, file: 'binlog.000006', after: row(8) },
    )
    await events.refine({ schema: odd, policy })
    expect(await events.rows('silver/shop/t', ...names)).toEqual([names.map((name, i) => (i < 3 || name === 'op' ? '1' : '8'))])
    expect((await events.rows('silver/shop/t_history', '_seq', '_op')).map(([, op]) => op)).toEqual([
      'c',
      'u',
      'd',
      'c',
      't',
      'c',
    ])
  })

  it('adds a column to silver with the first commit that has it', async () => {
    await events.ingest({ op: 'c', id: 1, v: 'a', pos: 10 })
    await events.refine()
    const wider: SourceTable = {
      ...schema,
      columns: [...schema.columns, { name: 'w', typeName: 'INT', optional: true, position: 3 }],
    }
    const policy = `${keepAll}    w: {class: operational, strategy: keep}\n`
    await events.ingest({ op: 'c', pos: 20, after: { id: 2, v: 'b', w: 7 } })
    await events.refine({ schema: wider, policy })
    expect(await events.rows('silver/shop/t', 'id', 'v', 'w')).toEqual([
      ['1', 'a', null],
      ['2', 'b', '7'],
    ])
  })

  it('refuses to go on under another policy until the table is rebuilt', async () => {
    await events.ingest({ op: 'c', id: 1, v: 'a', pos: 10 })
    await events.refine()
    await events.ingest({ op: 'c', id: 2, v: 'b', pos: 20 })
    const tighter = keepAll.replace('v: {class: operational, strategy: keep}', 'v: {class: direct, strategy: drop}')
    await expect(events.refine({ policy: tighter })).rejects.toMatchObject({ code: 'POLICY_CHANGED' })
    await events.replay({ policy: tighter })
    expect((await events.lake.current('silver/shop/t'))!.fields.map(field => field.name)).not.toContain('v')
    expect(await events.rows('silver/shop/t', 'id')).toEqual([['1'], ['2']])
    expect(await events.refine({ policy: tighter })).toBeUndefined()
  })

  it('rebuilds the same silver and history from bronze', async () => {
    await events.ingest({ op: 'c', id: 1, v: 'a', pos: 10 }, { op: 'c', id: 2, v: 'b', pos: 20 })
    await events.refine()
    await events.ingest({ op: 'c', id: 1, v: 'a', pos: 10 }, { op: 'u', id: 2, v: 'c', pos: 30 }, { op: 'd', id: 1, pos: 40 })
    await events.refine()
    const columns = ['_seq', '_op', 'id', 'v', '_valid_from', '_source_ts', '_file', '_pos'] as const
    const before = [
      await silver(),
      await events.rows('silver/shop/t_history', ...columns),
      await events.rows('silver/shop/t_deleted', 'id', '_pos'),
    ]
    await events.replay()
    expect([
      await silver(),
      await events.rows('silver/shop/t_history', ...columns),
      await events.rows('silver/shop/t_deleted', 'id', '_pos'),
    ]).toEqual(before)
  })
})

describe('bronze', () => {
  it('sets aside what is no event of the table, with its bytes, and keeps the rest verbatim', async () => {
    const bad = [
      '{"op":"c"',
      '{"op":"z","source":{"db":"shop","table":"t","file":"b.1","pos":1}}',
      '{"op":"c","source":{"db":"shop","table":"other","file":"b.1","pos":1}}',
      '[1]',
    ]
    const appended = await events.ingest(
      { op: 'c', id: 1, v: 'a', pos: 10 },
      ...bad.map(value => ({ value })),
      { key: '{"id":9}', value: null },
      { op: 'c', id: 2, v: 'b', pos: 20 },
    )
    expect(appended).toMatchObject({ records: 7, quarantined: 4 })
    expect((await quarantined()).map(row => row.slice(0, 2))).toEqual([
      ['1', 'invalid_json'],
      ['2', 'unknown_operation'],
      ['3', 'other_table'],
      ['4', 'unknown_operation'],
    ])
    expect(
      (await events.rows('bronze/shop/t', '_offset', '_value')).map(
        row => row[1] === null || row[1]!.startsWith('{"before":null'),
      ),
    ).toEqual([true, true, true])
    await events.refine()
    expect(await silver()).toEqual([
      ['1', 'a'],
      ['2', 'b'],
    ])
  })

  it('reads values wrapped with their schema as it reads plain ones, mixed in one batch', async () => {
    const { envelope } = await import('./lake-of-events.ts')
    const wrapped = `{"schema":{"type":"struct"},"payload":${envelope({ op: 'c', id: 2, v: 'b', pos: 20 })}}`
    await events.ingest({ op: 'c', id: 1, v: 'a', pos: 10 }, { key: '{"schema":{},"payload":{"id":2}}', value: wrapped })
    await events.refine()
    expect(await silver()).toEqual([
      ['1', 'a'],
      ['2', 'b'],
    ])
  })

  it('goes on behind rows whose writer did not count them', async () => {
    await events.ingest({ op: 'c', id: 1, v: 'a', pos: 10 })
    const path = 'bronze/shop/t'
    const table = events.lake.table(path)
    const base = (await events.lake.current(path))!
    const adds = [...base.files.values()].map(add => ({ ...add, stats: '{}' }))
    await commit(table, { base, mode: 'merge', operation: 'WRITE', removes: [...base.files.keys()], adds })
    expect(await events.refine()).toMatchObject({ version: 1 })
    expect(await silver()).toEqual([['1', 'a']])
    expect(factsOf((await events.lake.current(path))!).rows).toBe(0)
  })
})
