import { afterAll, beforeAll, expect, it } from 'vitest'
import type { EndOffsets } from '../../../../connectors/source.ts'
import { Arrivals, endsWithSchemas } from '../../../../processors/schema/arrivals.ts'
import { Forge } from '../../scenarios/forge.ts'
import { ddl } from '../../scenarios/schema-events.ts'

const id = { name: 'id', type: 'INT' }
let forge: Forge
beforeAll(async () => {
  forge = await Forge.open()
  await forge.ingest(
    ddl({ pos: 5, type: 'CREATE', ddl: 'CREATE TABLE t (…)', columns: [id] }),
    ddl({ pos: 20, ddl: '', columns: [id] }),
  )
})
afterAll(() => forge.close())

const ends = (offset: bigint, topic = 'shop'): EndOffsets =>
  new Map([[topic, { topicId: 'topic-1', partitions: new Map([[0, offset]]) }]])

it('all schema changes are there once bronze has reached their topic’s end', async () => {
  const complete = (end: EndOffsets) => new Arrivals({ lake: forge.events.lake, topic: 'shop', ends: async () => end }).complete()
  expect(await complete(ends(2n))).toBe(true)
  expect(await complete(ends(3n))).toBe(false)
  // Kafka has no such topic.
  expect(await complete(ends(9n, 'shop.shop.t'))).toBe(true)
})

it('a gap that nothing fills is one of markers, after a while; a new end is waited for anew', async () => {
  let [now, end] = [0, 3n]
  const arrivals = new Arrivals({
    lake: forge.events.lake,
    topic: 'shop',
    ends: async () => ends(end),
    patience: 1_000,
    now: () => now,
  })
  expect(await arrivals.complete()).toBe(false)
  now = 999
  expect(await arrivals.complete()).toBe(false)
  now = 1_000
  expect(await arrivals.complete()).toBe(true)
  end = 4n
  expect(await arrivals.complete()).toBe(false)
})

it('the end of the schema changes is read after the others', async () => {
  let calls = 0n
  const source = { ends: async () => new Map([...ends(++calls), ...ends(calls, 'shop.shop.t')]) }
  const found = await endsWithSchemas(source, 'shop')
  expect([found.get('shop')!.partitions.get(0), found.get('shop.shop.t')!.partitions.get(0)]).toEqual([2n, 1n])
})
