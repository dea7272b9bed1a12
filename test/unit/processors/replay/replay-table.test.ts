import { readFile, rm, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sql } from '../../../../lake/sql.ts'
import { planReplay } from '../../../../processors/replay/replay-plan.ts'
import type { SourceTable } from '../../../../processors/source-schema.ts'
import { keepAll, keyless, LakeOfEvents, schema } from '../lake-of-events.ts'

let events: LakeOfEvents
beforeEach(async () => {
  events = await LakeOfEvents.open()
  await events.ingest(
    { op: 'c', id: 1, v: 'a', pos: 10 },
    { op: 'c', id: 2, v: 'b', pos: 20 },
    { op: 'c', id: 3, v: 'x', pos: 25 },
    { op: 'd', id: 3, v: 'x', pos: 28 },
  )
  await events.refine()
  await events.ingest({ op: 'u', id: 2, v: 'c', pos: 30 }, { op: 'c', id: 4, v: 'd', pos: 40 })
  await events.refine()
})
afterEach(() => events.close())

const prove = (options: { schema?: SourceTable; policy?: string } = {}) => events.replay({ ...options, proveOnly: true })
const versions = async () =>
  Promise.all(['t', 't_history', 't_deleted'].map(async name => (await events.lake.current(`silver/shop/${name}`))!.version))

describe('replay --prove', { timeout: 60_000 }, () => {
  it('says identical, and leaves the lake as it is', async () => {
    const before = await versions()
    expect(await prove()).toMatchObject({
      verdict: 'identical',
      changes: 6,
      bronzeVersion: 1,
      proof: {
        byDesign: [],
        parts: [
          { table: 'silver/shop/t', equal: true, rows: { live: 3, rebuilt: 3 } },
          { table: 'silver/shop/t_deleted', equal: true, rows: { live: 1, rebuilt: 1 } },
          { table: 'silver/shop/t_history', equal: true, rows: { live: 6, rebuilt: 6 } },
        ],
      },
    })
    expect(await versions()).toEqual(before)
  })

  it('compares at the bronze version that silver has taken, though bronze holds more', async () => {
    await events.ingest({ op: 'u', id: 1, v: 'later', pos: 50 })
    expect(await prove()).toMatchObject({ verdict: 'identical', bronzeVersion: 1 })
  })

  it('names the key of a row of which a byte was changed, by the token that names it in every run', async () => {
    await events.damage('silver/shop/t', sql`SELECT * REPLACE (CASE WHEN id = 2 THEN 'd' ELSE v END AS v) FROM file`)
    const first = (await prove())!
    expect(first.verdict).toBe('different')
    expect(first.proof!.parts.map(({ equal }) => equal)).toEqual([false, true, true])
    const { differences, examples } = first.proof!.parts[0]!
    expect(differences).toEqual({ missing: 0, extra: 0, different: 1 })
    expect(examples).toEqual([{ key: expect.stringMatching(/^tok_v0_[0-9a-v]{26}$/), difference: 'different', columns: ['v'] }])
    expect((await prove())!.proof!.parts[0]!.examples).toEqual(examples)
  })

  it('takes a file that cannot be read any more for what it is, and replaces it', async () => {
    const [add] = (await events.lake.current('silver/shop/t'))!.files.values()
    const file = await events.lake.store.fetch(`silver/shop/t/${add!.path}`)
    const bytes = await readFile(file)
    // Behind the data pages lies the footer, in which not every byte means something.
    const footer = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8)
    let unreadable = 0
    for (let at = 4; at < footer; at += Math.ceil(footer / 20)) {
      const changed = Buffer.from(bytes)
      changed[at]! ^= 0x55
      await writeFile(file, changed)
      const { verdict, reason } = (await prove())!
      if (reason === undefined) continue
      expect([verdict, reason]).toEqual(['different', expect.stringContaining('cannot be read')])
      unreadable++
    }
    expect(unreadable).toBeGreaterThan(0)
    await rm(file)
    expect(await prove()).toMatchObject({ verdict: 'different', reason: expect.stringContaining('missing') })
    expect(await events.replay()).toMatchObject({ verdict: 'different' })
    expect(await prove()).toMatchObject({ verdict: 'identical' })
  })

  it('finds rows that are missing, too many, there twice, or in the history and markers only', async () => {
    await events.damage('silver/shop/t', sql`SELECT * REPLACE (CASE WHEN id = 4 THEN 5 ELSE id END AS id) FROM file`)
    await events.damage('silver/shop/t_history', sql`FROM file UNION ALL FROM file WHERE _op = 'd'`)
    await events.damage('silver/shop/t_deleted', sql`SELECT * REPLACE (_pos + 1 AS _pos) FROM file`)
    const { parts } = (await prove())!.proof!
    expect(parts.map(({ differences }) => differences)).toEqual([
      { missing: 1, extra: 1, different: 0 },
      { missing: 0, extra: 0, different: 1 },
      { missing: 0, extra: 0, different: 1 },
    ])
    expect(parts[1]!.examples[0]!.columns).toEqual(['_pos'])
  })

  it('says what a changed policy and a changed type make new, and still finds damage beside it', async () => {
    const policy = keepAll.replace('v: {class: operational, strategy: keep}', 'v: {class: direct, strategy: drop}')
    expect(await prove({ policy })).toMatchObject({ verdict: 'identical', proof: { byDesign: ['column v goes'] } })
    const wider: SourceTable = {
      ...schema,
      columns: [{ name: 'id', typeName: 'BIGINT', optional: false, position: 1 }, schema.columns[1]!],
    }
    expect(await prove({ schema: wider })).toMatchObject({
      verdict: 'identical',
      proof: { byDesign: ['column id changes from INTEGER to BIGINT'] },
    })
    await events.damage('silver/shop/t', sql`SELECT * REPLACE (CASE WHEN id = 2 THEN 'd' ELSE v END AS v) FROM file`)
    expect(await prove({ schema: wider })).toMatchObject({ verdict: 'different' })
    expect(await prove({ policy })).toMatchObject({ verdict: 'identical' })
  })

  it('does not compare rows that are told apart in another way now; a run halts until the replay', async () => {
    const other: SourceTable = { ...schema, primaryKey: ['id', 'v'] }
    await events.ingest({ op: 'c', id: 9, v: 'z', pos: 90 })
    await expect(events.refine({ schema: other })).rejects.toMatchObject({
      code: 'TABLE_HALTED',
      message: expect.stringContaining('primary key changed from ["id"] to ["id","v"]'),
    })
    expect(await prove({ schema: other })).toMatchObject({
      verdict: 'not compared',
      reason: 'its primary key was ["id"] and is now ["id","v"]',
    })
    await events.replay({ schema: other })
    expect(await events.refine({ schema: other })).toBeUndefined()
  })

  it('does not compare rows without a key once a column has come: they are told apart by all of them', async () => {
    const wider: SourceTable = {
      ...keyless,
      columns: [...keyless.columns, { name: 'w', typeName: 'INT', optional: true, position: 3 }],
    }
    const policy = `${keepAll}    w: {class: operational, strategy: keep}\n`
    const other = await LakeOfEvents.open()
    try {
      await other.ingest(
        { op: 'c', id: 1, v: 'a', pos: 10 },
        { op: 'c', id: 1, v: 'a', pos: 20 },
        { op: 'd', id: 1, v: 'a', pos: 30 },
      )
      await other.refine({ schema: keyless })
      expect(await other.replay({ schema: keyless, proveOnly: true })).toMatchObject({ verdict: 'identical' })
      expect(await other.replay({ schema: wider, policy, proveOnly: true })).toMatchObject({
        verdict: 'not compared',
        reason: expect.stringContaining('column w comes'),
      })
    } finally {
      await other.close()
    }
  })

  it('says when silver is not there yet', async () => {
    const other = await LakeOfEvents.open()
    try {
      expect(await other.replay({ proveOnly: true })).toBeUndefined()
      await other.ingest({ op: 'c', id: 1, v: 'a', pos: 10 })
      expect(await other.replay({ proveOnly: true })).toMatchObject({ verdict: 'new', changes: 1 })
      expect(await other.lake.current('silver/shop/t')).toBeUndefined()
    } finally {
      await other.close()
    }
  })
})

describe('replay --dry-run', () => {
  it('tells amounts, what is new by design, and the gold tables that follow', async () => {
    const model = (name: string, ...inputs: [string, string][]) => ({
      ...{ name, description: '', text: '', hash: '' },
      inputs: inputs.map(([schema, table]) => ({ schema, table })),
    })
    const gold = [
      model('direct', ['silver', 't_history']),
      model('other', ['silver', 'u']),
      model('indirect', ['gold', 'direct'], ['silver', 'u']),
    ]
    const policy = keepAll.replace('v: {class: operational, strategy: keep}', 'v: {class: direct, strategy: drop}')
    const before = await versions()
    expect(await planReplay({ ...events.way({ policy }), gold })).toMatchObject({
      table: 'shop.t',
      bronze: { version: 1, rows: 6, files: 2 },
      silver: [
        { table: 'silver/shop/t_history', rows: 6 },
        { table: 'silver/shop/t_deleted', rows: 1 },
        { table: 'silver/shop/t', rows: 3 },
      ],
      byDesign: ['column v goes'],
      gold: ['direct', 'indirect'],
    })
    expect(await versions()).toEqual(before)
  })
})

describe('replay', { timeout: 60_000 }, () => {
  it('puts right what was damaged, in one commit a table, and takes what bronze has more', async () => {
    const before = await versions()
    await events.damage('silver/shop/t', sql`SELECT * REPLACE ('damaged' AS v) FROM file`)
    await events.ingest({ op: 'u', id: 1, v: 'later', pos: 50 })
    expect(await events.replay()).toMatchObject({ verdict: 'different', bronzeVersion: 2, changes: 7 })
    expect(await versions()).toEqual(before.map(version => version + 1))
    expect(await events.rows('silver/shop/t', 'id', 'v')).toEqual([
      ['1', 'later'],
      ['2', 'c'],
      ['4', 'd'],
    ])
    expect(await events.refine()).toBeUndefined()
    expect(await prove()).toMatchObject({ verdict: 'identical', bronzeVersion: 2 })
  })
})
