import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commit } from '../../../../lake/commit.ts'
import { sql } from '../../../../lake/sql.ts'
import { putBack } from '../../../../processors/replay/rollback.ts'
import { planRollback } from '../../../../processors/replay/rollback-plan.ts'
import { keepAll, LakeOfEvents } from '../lake-of-events.ts'

const tighter = keepAll.replace('v: {class: operational, strategy: keep}', 'v: {class: direct, strategy: drop}')
let events: LakeOfEvents
beforeEach(async () => {
  events = await LakeOfEvents.open()
  await events.ingest({ op: 'c', id: 1, v: 'a', pos: 10 }, { op: 'c', id: 2, v: 'b', pos: 20 }, { op: 'd', id: 2, pos: 25 })
  await events.refine()
})
afterEach(() => events.close())

async function rollback({ policy, to }: { policy?: string; to?: number | Date } = {}): Promise<number> {
  const way = events.way(policy === undefined ? {} : { policy })
  const plan = (await planRollback(way, { to, named: true }))!
  await putBack(way, plan)
  return plan.taken
}
const silver = () => events.rows('silver/shop/t', 'id', 'v')
const history = async () => (await events.rows('silver/shop/t_history', '_seq', '_op')).map(([, op]) => op)
const proven = async () => (await events.replay({ proveOnly: true }))!.verdict

describe('rollback', { timeout: 60_000 }, () => {
  it('puts back what the last rebuild replaced, from where the next run goes on', async () => {
    await events.damage('silver/shop/t', sql`SELECT * REPLACE ('old' AS v) FROM file`)
    await events.ingest({ op: 'c', id: 3, v: 'c', pos: 30 })
    await events.replay()
    await events.ingest({ op: 'u', id: 3, v: 'd', pos: 40 })
    await events.refine()
    expect(await silver()).toEqual([
      ['1', 'a'],
      ['3', 'd'],
    ])
    expect(await rollback()).toBe(0)
    expect(await silver()).toEqual([['1', 'old']])
    expect(await history()).toEqual(['c', 'c', 'd'])
    expect(await events.refine()).toEqual({ version: 2, rows: 2, more: false })
    expect(await silver()).toEqual([
      ['1', 'old'],
      ['3', 'd'],
    ])
    expect(await history()).toEqual(['c', 'c', 'd', 'c', 'u'])
  })

  it('is taken back by a second one', async () => {
    await events.damage('silver/shop/t', sql`SELECT * REPLACE ('old' AS v) FROM file`)
    await events.ingest({ op: 'c', id: 3, v: 'c', pos: 30 })
    await events.replay()
    await rollback()
    expect(await rollback()).toBe(1)
    expect(await silver()).toEqual([
      ['1', 'a'],
      ['3', 'c'],
    ])
    expect(await proven()).toBe('identical')
  })

  it('goes to a version or a moment within retention, all three tables together', async () => {
    await events.ingest({ op: 'c', id: 3, v: 'c', pos: 30 })
    await events.refine()
    const then = new Date()
    await new Promise(done => setTimeout(done, 20))
    await events.ingest({ op: 'u', id: 3, v: 'd', pos: 40 }, { op: 'd', id: 1, pos: 50 })
    await events.refine()
    expect(await rollback({ to: then })).toBe(1)
    expect([await silver(), await history()]).toEqual([
      [
        ['1', 'a'],
        ['3', 'c'],
      ],
      ['c', 'c', 'd', 'c'],
    ])
    expect(await proven()).toBe('identical')
    expect(await rollback({ to: 0 })).toBe(0)
    expect([await silver(), await history()]).toEqual([[['1', 'a']], ['c', 'c', 'd']])
    await events.refine()
    expect([await silver(), await proven()]).toEqual([[['3', 'd']], 'identical'])
  })

  it('history must not lack what silver has: a run stops rather than leave a hole', async () => {
    await events.ingest({ op: 'c', id: 3, v: 'c', pos: 30 })
    await events.refine()
    const plan = (await planRollback(events.way(), { to: 0, named: true }))!
    // What a rollback by hand of one table alone would do.
    const path = 'silver/shop/t_history'
    const base = (await events.lake.current(path))!
    const txns = [{ appId: plan.bronzeId, version: 0n }]
    await commit(events.lake.table(path), { base, mode: 'overwrite', operation: 'RESTORE', txns, adds: [] })
    await events.ingest({ op: 'c', id: 4, v: 'd', pos: 40 })
    await expect(events.refine()).rejects.toMatchObject({
      code: 'TABLE_HALTED',
      message: expect.stringContaining('binlake replay'),
    })
    await events.replay()
    expect([await history(), await proven()]).toEqual([['c', 'c', 'd', 'c', 'c'], 'identical'])
  })

  it('is refused where nothing was rebuilt, or the log does not reach', async () => {
    await expect(rollback()).rejects.toMatchObject({ code: 'ROLLBACK_NOTHING' })
    await expect(rollback({ to: 77 })).rejects.toMatchObject({ code: 'ROLLBACK_GONE' })
  })

  it('is refused when a file of the old version is gone', async () => {
    const [file] = (await events.lake.current('silver/shop/t_history'))!.files.keys()
    await events.replay()
    await rm(join(events.folder, 'lake/silver/shop/t_history', file!))
    const before = await silver()
    await expect(rollback()).rejects.toMatchObject({ code: 'ROLLBACK_GONE', message: expect.stringContaining('vacuumed') })
    expect(await silver()).toEqual(before)
  })

  it('never goes back to what the policy hides by now', async () => {
    await events.replay({ policy: tighter })
    await expect(rollback({ policy: tighter })).rejects.toMatchObject({
      code: 'ROLLBACK_POLICY',
      message: expect.stringMatching(/\(v\)/),
    })
    // The policy of that time makes what was there then.
    expect(await rollback()).toBe(0)
    expect(await silver()).toEqual([['1', 'a']])
    expect(await events.refine()).toBeUndefined()
  })
})
