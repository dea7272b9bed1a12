import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Add } from '../../../lake/actions.ts'
import { commit } from '../../../lake/commit.ts'
import { compact } from '../../../lake/compact.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { readCommit } from '../../../lake/log.ts'
import { scan } from '../../../lake/scan.ts'
import { field } from '../../../lake/schema.ts'
import type { Snapshot } from '../../../lake/snapshot.ts'
import { sql } from '../../../lake/sql.ts'
import type { Table } from '../../../lake/table.ts'
import { writeFile } from '../../../lake/write.ts'
import { objects, tempTable } from './temp-table.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open({ threads: 1 })
})
afterAll(() => duck.close())

const fields = [field('day', 'date'), field('id', 'long'), field('name', 'string')]

/** A table of `count` files of ten rows, on two days; the first half has no column `name` yet. */
async function tableOf(table: Table, count: number): Promise<Snapshot> {
  let base: Snapshot | undefined
  for (let i = 0; i < count; i++) {
    const some = i < count / 2 ? fields.slice(0, 2) : fields
    const add = await writeFile(duck, table, {
      select: sql`SELECT 9007199254740993 + ${i * 10} + n AS id, 'n' || n AS name FROM range(10) AS r(n) ORDER BY n DESC`,
      fields: some,
      partition: { day: i % 2 === 0 ? '2026-11-20' : '2026-11-21' },
      stats: ['id'],
    })
    const metaData = { fields: some, partitionColumns: ['day'] }
    base = await commit(table, { base, mode: 'append', operation: 'WRITE', metaData, adds: [add!] })
  }
  return base!
}

const byDay = (snapshot: Snapshot): Add[][] => [
  ...Map.groupBy(snapshot.files.values(), add => String(add.partitionValues.day)).values(),
]

async function rows(table: Table, snapshot: Snapshot): Promise<unknown[]> {
  return duck.json(sql`SELECT * FROM ${await scan(table, snapshot)} ORDER BY ALL`)
}

test('the same rows in one file a group: order, statistics and partition kept, no row changed', async () => {
  await using table = await tempTable()
  const base = await tableOf(table, 6)
  const before = await rows(table, base)
  const done = await compact(duck, table, base, { groups: byDay(base), sortBy: sql`id` })
  expect(await rows(table, done.snapshot)).toEqual(before)
  expect(done).toMatchObject({ before: { files: 6 }, after: { files: 2 }, dropped: 0 })
  const [add] = [...done.snapshot.files.values()]
  expect(add).toMatchObject({ partitionValues: { day: '2026-11-20' }, dataChange: false })
  expect(add!.stats).toContain('"minValues":{"id":9007199254740993}')
  expect(add!.stats).toContain('"maxValues":{"id":9007199254741042}')
  const ids = await duck.rows<{ id: bigint }>(sql`SELECT id FROM ${await scan(table, done.snapshot, { files: [add!] })}`)
  expect(ids.map(({ id }) => id)).toEqual(ids.map(({ id }) => id).sort())
  const commits = await Promise.all([base.version + 1, base.version + 2].map(version => readCommit(table, version)))
  for (const one of commits) {
    expect(one!.commitInfo?.operation).toBe('OPTIMIZE')
    expect([...one!.adds, ...one!.removes].map(({ dataChange }) => dataChange)).toEqual([false, false, false, false])
  }
})

test('columns that some file has no bounds of get none', async () => {
  await using table = await tempTable()
  let base = await tableOf(table, 2)
  const add = await writeFile(duck, table, {
    select: sql`SELECT 1 AS id, 'x' AS name`,
    fields,
    partition: { day: '2026-11-20' },
  })
  base = await commit(table, { base, mode: 'append', operation: 'WRITE', adds: [add!] })
  const done = await compact(duck, table, base, { groups: [byDay(base)[0]!] })
  const joined = [...done.snapshot.files.values()].find(({ stats }) => stats?.startsWith('{"numRecords":11'))
  expect(joined!.stats).toBe('{"numRecords":11}')
})

test('a group one of whose files a winner removed is dropped without a trace, the others go on; appends do not disturb', async () => {
  await using table = await tempTable()
  const base = await tableOf(table, 4)
  const [first, second] = byDay(base) as [Add[], Add[]]
  const merged = await commit(table, { base, mode: 'merge', operation: 'MERGE', removes: [first[0]!.path] })
  const extra = await writeFile(duck, table, {
    select: sql`SELECT 7 AS id, 'x' AS name`,
    fields,
    partition: { day: '2026-11-20' },
  })
  await commit(table, { base: merged, mode: 'append', operation: 'WRITE', adds: [extra!] })
  const files = await objects(table.store, `${table.path}/day`)
  const done = await compact(duck, table, base, { groups: [first, second] })
  expect(done).toMatchObject({ dropped: 1, before: { files: 2 }, after: { files: 1 } })
  expect([...done.snapshot.files.keys()].sort()).toEqual(
    [first[1]!.path, extra!.path, [...done.snapshot.files.keys()].at(-1)!].sort(),
  )
  expect(await objects(table.store, `${table.path}/day`)).toHaveLength(files.length + 1)
})

test('fewer rows than the log promises: nothing is committed', async () => {
  await using table = await tempTable()
  const base = await tableOf(table, 2)
  const group = [...base.files.values()]
    .slice(0, 1)
    .flatMap(add => [add, { ...add, stats: add.stats!.replace('"numRecords":10', '"numRecords":11') }])
  const files = await objects(table.store, `${table.path}/day`)
  await expect(compact(duck, table, base, { groups: [group] })).rejects.toMatchObject({ code: 'LAKE_CORRUPT_LOG' })
  expect(await objects(table.store, `${table.path}/day`)).toEqual(files)
  expect(await readCommit(table, base.version + 1)).toBeUndefined()
})

test('stopped: no further group is begun', async () => {
  await using table = await tempTable()
  const base = await tableOf(table, 4)
  const controller = new AbortController()
  const done = await compact(duck, table, base, {
    groups: byDay(base),
    signal: controller.signal,
    onCommit: () => controller.abort(),
  })
  expect(done.after.files).toBe(1)
})

test('a group too large to be sorted at once is joined in parts; without sorting the order of its files stays', async () => {
  await using table = await tempTable()
  const base = await tableOf(table, 12)
  const [evens] = byDay(base) as [Add[]]
  const done = await compact(duck, table, base, { groups: [evens], sortBy: sql`id`, sortable: 700 })
  expect(done.before.files).toBeGreaterThan(done.after.files)
  expect(done.after.files).toBeGreaterThan(1)
  const rest = [...done.snapshot.files.values()].filter(add => add.partitionValues.day === '2026-11-21')
  const kept = await compact(duck, table, done.snapshot, { groups: [rest], sortable: 1 })
  const joined = [...kept.snapshot.files.values()].at(-1)!
  const ids = async (files: Add[], snapshot: Snapshot) => duck.rows(sql`SELECT id FROM ${await scan(table, snapshot, { files })}`)
  expect(await ids([joined], kept.snapshot)).toEqual(await ids(rest, base))
})

test('files whose writer counted no rows are joined, too', async () => {
  await using table = await tempTable()
  const base = await tableOf(table, 4)
  const before = await rows(table, base)
  const uncounted = [...base.files].map(([path, add], i) => [path, { ...add, stats: i === 0 ? '{}' : add.stats! }] as const)
  const snapshot = { ...base, files: new Map(uncounted) }
  const done = await compact(duck, table, snapshot, { groups: byDay(snapshot) })
  expect(done).toMatchObject({ before: { files: 4 }, after: { files: 2 } })
  expect(await rows(table, done.snapshot)).toEqual(before)
})
