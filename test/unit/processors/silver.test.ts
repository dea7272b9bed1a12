import { describe, expect, it } from 'vitest'
import { readCommit } from '../../../lake/log.ts'
import { mergeIntervalOf } from '../../../processors/merge-interval-of.ts'
import type { SourceTable } from '../../../processors/source-schema.ts'
import { LakeOfEvents, schema } from './lake-of-events.ts'

const keyed = (...primaryKey: string[]): SourceTable => ({ ...schema, primaryKey })
const policy = (id: string, v: string) =>
  `version: 1\ntables:\n  t:\n    id: {class: ${id}, strategy: keep}\n    v: {class: ${v}, strategy: keep}\n`

async function withLake(work: (events: LakeOfEvents) => Promise<void>): Promise<void> {
  const events = await LakeOfEvents.open()
  try {
    await work(events)
  } finally {
    await events.close()
  }
}

async function boundedColumns(events: LakeOfEvents, path: string): Promise<string[]> {
  const { files } = (await events.lake.current(path))!
  return [
    ...new Set(
      [...files.values()].flatMap(({ stats }) => Object.keys((JSON.parse(stats!) as { minValues?: object }).minValues ?? {})),
    ),
  ]
}

describe('silver', { timeout: 20_000 }, () => {
  it.each([
    ['a number', ['id'], policy('operational', 'operational'), ['id']],
    ['a number that may be personal', ['id'], policy('quasi', 'operational'), []],
    ['text', ['v'], policy('operational', 'operational'), ['v']],
    ['text that may be personal', ['v'], policy('operational', 'pseudonymous'), []],
    ['both', ['v', 'id'], policy('operational', 'operational'), ['id', 'v']],
    ['a number beside text that may be personal', ['id', 'v'], policy('operational', 'direct'), ['id']],
  ])('tells the bounds of a key of %s in the log only where the policy lets it', async (_, key, rules, bounded) =>
    withLake(async events => {
      const options = { schema: keyed(...key), policy: rules }
      await events.ingest({ op: 'c', id: 1, v: 'a', pos: 1 }, { op: 'c', id: 2, v: 'b', pos: 2 })
      await events.refine(options)
      await events.ingest(
        { op: 'u', id: 1, v: 'a', pos: 3 },
        { op: 'd', id: 2, v: 'b', pos: 4 },
        { op: 'c', id: 3, v: 'c', pos: 5 },
      )
      await events.refine(options)
      expect(await events.rows('silver/shop/t', 'id', 'v', '_offset')).toEqual([
        ['1', 'a', '2'],
        ['3', 'c', '4'],
      ])
      expect((await boundedColumns(events, 'silver/shop/t')).toSorted()).toEqual(bounded)
      expect((await boundedColumns(events, 'silver/shop/t_deleted')).toSorted()).toEqual(bounded)
      expect(await boundedColumns(events, 'silver/shop/t_history')).toEqual([])
    }),
  )

  it('writes new keys alone beside the old files, and tells what a merge rewrote', () =>
    withLake(async events => {
      const rules = { intervalMs: 100, rate: 1_000, rewrites: 1, allowance: 1e9 }
      await events.ingest({ op: 'c', id: 1, v: 'a', pos: 1 })
      await events.refine()
      expect(await mergeIntervalOf(events.lake, schema, rules)).toMatchObject({ ms: 100, term: 'floor', touched: 0 })
      await events.ingest({ op: 'c', id: 2, v: 'b', pos: 2 })
      await events.refine()
      const files = [...(await events.lake.current('silver/shop/t'))!.files.values()]
      expect(files).toHaveLength(2)
      expect((await readCommit(events.lake.table('silver/shop/t'), 1))!.removes).toEqual([])
      await events.ingest({ op: 'u', id: 2, v: 'c', pos: 3 })
      await events.refine()
      const touched = files[1]!.size
      const merge = await mergeIntervalOf(events.lake, schema, rules)
      expect(merge).toMatchObject({ term: 'rate', touched })
      expect(merge.ms).toBeCloseTo((touched * 4) / 7)
    }))
})
