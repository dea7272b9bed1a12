// Silver mended without a server: damaged rows put back from bronze, rows gone from the source deleted, rebuilds of one mind with both.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sql } from '../../../../lake/sql.ts'
import { sweepGoneRows } from '../../../../processors/snapshots/gone-rows.ts'
import { compareTable } from '../../../../processors/verify/compare-table.ts'
import { noteOpen } from '../../../../processors/verify/open-differences.ts'
import { remakeDamaged } from '../../../../processors/verify/remake-damaged.ts'
import { repairTable } from '../../../../processors/verify/repair.ts'
import type { TableVerdict } from '../../../../processors/verify/verdict.ts'
import { c, Forge } from '../../scenarios/forge.ts'
import { LakeOfEvents, schema } from '../lake-of-events.ts'
import { sourceOf } from './forged-silver.ts'

let events: LakeOfEvents
beforeEach(async () => {
  events = await LakeOfEvents.open()
  await events.ingest(
    { op: 'c', id: 1, v: 'a', pos: 100 },
    { op: 'c', id: 2, v: 'b', pos: 200 },
    { op: 'c', id: 3, v: 'c', pos: 300 },
    { op: 'u', id: 2, v: 'b2', pos: 400 },
  )
  await events.refine()
})
afterEach(() => events.close())

const silver = 'silver/shop/t'
const proven = async () => (await events.replay({ proveOnly: true }))?.verdict

describe('repair', () => {
  it('puts damaged, missing and invented rows back as bronze makes them', async () => {
    const right = await events.rows(silver, 'id', 'v', '_offset')
    await events.damage(
      silver,
      sql`SELECT * REPLACE (CASE WHEN id = 1 THEN 'damaged' ELSE v END AS v) FROM file WHERE id <> 3 UNION ALL SELECT * REPLACE (99 AS id) FROM file WHERE id = 2`,
    )
    expect(await events.rows(silver, 'id', 'v', '_offset')).not.toEqual(right)
    const options = { keys: sql`SELECT unnest([1, 2, 3, 99]) AS id`, scratch: events.folder, maxRows: 1_000 }
    expect(await remakeDamaged(events.duck, events.way(), options)).toBe(3)
    expect(await events.rows(silver, 'id', 'v', '_offset')).toEqual(right)
    expect(await proven()).toBe('identical')
    expect(await remakeDamaged(events.duck, events.way(), options)).toBe(0)
  })

  it('deletes rows named by the place of their event, in rebuilds too, and lets newer events of a key win', async () => {
    expect(
      await sweepGoneRows(events, schema, [
        { epoch: 0, partition: 0, offset: '2' },
        { epoch: 0, partition: 0, offset: '1' },
      ]),
    ).toBe(true)
    await events.ingest({ op: 'c', id: 3, v: 'again', pos: 500 })
    while ((await events.refine())?.more);
    // Row 2 has a newer event than the one that was named.
    expect(await events.rows(silver, 'id', 'v')).toEqual([
      ['1', 'a'],
      ['2', 'b2'],
      ['3', 'again'],
    ])
    expect((await events.rows(`${silver}_history`, 'id', '_op')).filter(([id]) => id === '3')).toEqual([
      ['3', 'c'],
      ['3', 'c'],
      ['3', 'd'],
    ])
    expect(await proven()).toBe('identical')
  })

  it('leaves a row alone that came back to MySQL between the finding and the mending', async () => {
    await using s = await Forge.open()
    // MySQL lost rows 1 and 2 without a word; row 1 then came again, as any row does.
    await s.step(c(1, 'old', { pos: 10 }), c(2, 'b', { pos: 12 }), c(3, 'c', { pos: 14 }))
    const { duck, lake, folder } = s.events
    const way = s.events.way()
    const source =
      (...rows: string[][]) =>
      async () =>
        sourceOf(rows)
    const found: { verdict?: TableVerdict } = {}
    await compareTable({
      ...{ ...way, duck, keys: new Map(), scratch: folder, source: await source(['3', 'c'])() },
      use: async one => {
        found.verdict = one.verdict
        await noteOpen(duck, one, { first: true })
      },
    })
    expect(found.verdict!.differences).toMatchObject({ 'only in silver': 2 })
    await s.step(c(1, 'new', { pos: 20 }))
    const { repair } = await repairTable(
      {
        ...{ ...way, duck, lake, keys: new Map(), scratch: folder, patience: 0, examples: 3, maxRows: 1_000 },
        openSource: source(['1', 'new'], ['3', 'c']),
        askForRows: async () => {},
      },
      found.verdict!,
    )
    expect(repair).toMatchObject({ deleted: 1, left: 0 })
    expect(await s.silver()).toEqual([
      ['1', 'new'],
      ['3', 'c'],
    ])
    expect(await s.identical()).toBe('identical')
  })

  it('keeps no key in what it writes down', async () => {
    await sweepGoneRows(events, schema, [{ epoch: 0, partition: 0, offset: '2' }])
    const decisions = (await events.rows('bronze/_binlake/decisions', '_decision')).flat().join('')
    expect(JSON.parse(decisions)).toMatchObject({ rows: [{ epoch: 0, partition: 0, offset: '2' }] })
  })
})
