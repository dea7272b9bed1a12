import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commit } from '../../../lake/commit.ts'
import { field } from '../../../lake/schema.ts'
import { openSilver } from '../../../processors/silver.ts'
import { LakeOfEvents } from './lake-of-events.ts'

let events: LakeOfEvents
beforeEach(async () => {
  events = await LakeOfEvents.open()
})
afterEach(() => events.close())

describe('a table named as another one’s history or markers', { timeout: 20_000 }, () => {
  const another = { database: 'shop', table: 't_history' }
  const bronzeOf = (table: string) =>
    commit(events.lake.table(`bronze/shop/${table}`), {
      base: undefined,
      mode: 'append',
      operation: 'CREATE TABLE',
      metaData: { fields: [field('id', 'long')] },
    })
  const idOf = async (path: string) => (await events.lake.current(path))!.metaData.id

  it('comes second: it stops, and the history stays what it is', async () => {
    await events.ingest({ op: 'c', id: 1, v: 'a', pos: 10 })
    await events.refine()
    await bronzeOf('t_history')
    const bronzeId = await idOf('bronze/shop/t_history')
    await expect(openSilver(events.lake, another, { key: ['id'], bronzeId })).rejects.toMatchObject({
      code: 'TABLE_HALTED',
      message: expect.stringContaining('silver/shop/t_history belongs to shop.t'),
    })
  })

  it('was first: the other one stops, and not a row of it is mixed in', async () => {
    await bronzeOf('t_history')
    await commit(events.lake.table('silver/shop/t_history'), {
      base: undefined,
      mode: 'append',
      operation: 'MERGE',
      metaData: { fields: [field('id', 'long')] },
      txns: [{ appId: await idOf('bronze/shop/t_history'), version: 0n }],
    })
    await events.ingest({ op: 'c', id: 1, v: 'a', pos: 10 })
    await expect(events.refine()).rejects.toMatchObject({
      code: 'TABLE_HALTED',
      message: expect.stringContaining('silver/shop/t_history belongs to shop.t_history'),
    })
    await expect(events.replay()).rejects.toMatchObject({ code: 'TABLE_HALTED' })
    expect((await events.lake.current('silver/shop/t_history'))!.version).toBe(0)
  })
})
