import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ObjectStore } from '../../../connectors/object-store.ts'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { type LocateOptions, locate } from '../../../lake/locate.ts'
import { type DeltaType, field } from '../../../lake/schema.ts'
import type { Snapshot } from '../../../lake/snapshot.ts'
import { type Sql, sql } from '../../../lake/sql.ts'
import type { Table } from '../../../lake/table.ts'
import { writeFile } from '../../../lake/write.ts'
import { multiplied } from '../multiplied.ts'
import { tempTable } from './temp-table.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open()
})
afterAll(() => duck.close())

/** The files that hold a key, in the order of their paths. */
async function touchedFiles(duck: Duck, table: Table, snapshot: Snapshot, options: LocateOptions): Promise<string[]> {
  const rows = await locate(duck, table, snapshot, options)
  const found = rows ? await duck.rows<{ path: string }>(sql`SELECT DISTINCT _path AS path FROM ${rows} ORDER BY path`) : []
  return found.map(({ path }) => path)
}

/** A table with one file for each query. */
async function tableOf(
  table: Table,
  options: { type: DeltaType; selects: Sql[]; stats: string[] },
): Promise<{ snapshot: Snapshot; paths: string[] }> {
  const fields = [field('k/1~', options.type), field('v', 'string')]
  const paths: string[] = []
  let base: Snapshot | undefined
  for (const select of options.selects) {
    const add = (await writeFile(duck, table, { select, fields, stats: options.stats }))!
    paths.push(add.path)
    base = await commit(table, { base, mode: 'append', operation: 'WRITE', metaData: { fields }, adds: [add] })
  }
  return { snapshot: base!, paths }
}

/** A store that notes which data files are brought here. */
function watched(store: ObjectStore): { store: ObjectStore; fetched: string[] } {
  const fetched: string[] = []
  const fetch = (path: string) => {
    fetched.push(path)
    return store.fetch(path)
  }
  return { fetched, store: new Proxy(store, { get: (target, name) => (name === 'fetch' ? fetch : Reflect.get(target, name)) }) }
}

const column = 'k/1~'
const range = (from: number, to: number) => sql`SELECT i AS "k/1~", 'x' AS v FROM range(${from}, ${to}) t(i)`

test('finds the files by key, and does not bring those whose range lies elsewhere', async () => {
  await using table = await tempTable()
  const { snapshot, paths } = await tableOf(table, {
    type: 'long',
    selects: [range(0, 10), range(10, 20), range(20, 30)],
    stats: [column],
  })
  const { store, fetched } = watched(table.store)
  const keys = sql`SELECT * FROM (VALUES (12), (13), (99)) t("k/1~")`
  expect(await touchedFiles(duck, { ...table, store }, snapshot, { keys, keyColumns: [column] })).toEqual([paths[1]])
  expect(fetched).toHaveLength(1)
})

test('without statistics in the log the files themselves are asked', async () => {
  await using table = await tempTable()
  const { snapshot, paths } = await tableOf(table, { type: 'long', selects: [range(0, 10), range(10, 20)], stats: [] })
  const { store, fetched } = watched(table.store)
  expect(
    await touchedFiles(duck, { ...table, store }, snapshot, { keys: sql`SELECT 12 AS "k/1~"`, keyColumns: [column] }),
  ).toEqual([paths[1]])
  expect(fetched, 'two footers, then the rows of one').toHaveLength(3)
})

test('keys beyond 2^53 are told apart', async () => {
  await using table = await tempTable()
  const selects = [9007199254740992n, 9007199254740993n].map(key => sql`SELECT ${key} AS "k/1~", 'x' AS v`)
  const { snapshot, paths } = await tableOf(table, { type: 'decimal(20,0)', selects, stats: [column] })
  const keys = sql`SELECT 9007199254740993::DECIMAL(20,0) AS "k/1~"`
  expect(await touchedFiles(duck, table, snapshot, { keys, keyColumns: [column] })).toEqual([paths[1]])
})

test('decimals of more digits than a double holds are told apart', async () => {
  await using table = await tempTable()
  const selects = ['12345678901234567.89', '12345678901234569.11'].map(key => sql`SELECT ${key} AS "k/1~", 'x' AS v`)
  const { snapshot, paths } = await tableOf(table, { type: 'decimal(20,2)', selects, stats: [column] })
  const keys = sql`SELECT '12345678901234567.89'::DECIMAL(20,2) AS "k/1~"`
  expect(await touchedFiles(duck, table, snapshot, { keys, keyColumns: [column] })).toEqual([paths[0]])
})

test('an instant beyond a bound that another writer cut to milliseconds is not lost', async () => {
  await using table = await tempTable()
  const selects = ['2026-01-01 00:00:00.000999+00', '2026-01-02 00:00:00+00'].map(at => sql`SELECT ${at} AS "k/1~", 'x' AS v`)
  const { snapshot, paths } = await tableOf(table, { type: 'timestamp', selects, stats: [column] })
  const cut = [...snapshot.files].map(
    ([path, add]) => [path, { ...add, stats: add.stats!.replaceAll('00:00:00.001Z', '00:00:00.000Z') }] as const,
  )
  const keys = sql`SELECT '2026-01-01 00:00:00.000999+00'::TIMESTAMPTZ AS "k/1~"`
  expect(await touchedFiles(duck, table, { ...snapshot, files: new Map(cut) }, { keys, keyColumns: [column] })).toEqual([
    paths[0],
  ])
})

test('an instant within the rounded edge of a file is not lost', async () => {
  await using table = await tempTable()
  const selects = ['2026-01-01 00:00:00.000001+00', '2026-01-01 00:00:00.000999+00'].map(
    at => sql`SELECT ${at} AS "k/1~", 'x' AS v`,
  )
  const { snapshot, paths } = await tableOf(table, { type: 'timestamp', selects, stats: [column] })
  const keys = sql`SELECT '2026-01-01 00:00:00.000999+00'::TIMESTAMPTZ AS "k/1~"`
  expect(await touchedFiles(duck, table, snapshot, { keys, keyColumns: [column] })).toEqual([paths[1]])
})

test('a key of several columns: all must be equal', async () => {
  await using table = await tempTable()
  const selects = ['a', 'b'].map(v => sql`SELECT 1 AS "k/1~", ${v} AS v`)
  const { snapshot, paths } = await tableOf(table, { type: 'long', selects, stats: [column] })
  expect(
    await touchedFiles(duck, table, snapshot, { keys: sql`SELECT 1 AS "k/1~", 'b' AS v`, keyColumns: [column, 'v'] }),
  ).toEqual([paths[1]])
})

test('property: exactly the files that hold a key, with statistics or without', async () => {
  await using table = await tempTable()
  const bounds = [0, 7, 7, 20, 33, 50]
  const selects = bounds
    .slice(1)
    .map((to, i) => sql`SELECT i AS "k/1~", 'x' AS v FROM range(${bounds[i]!}, ${to + 1}) t(i) WHERE i % 3 <> 1`)
  const { snapshot, paths } = await tableOf(table, {
    type: 'integer',
    selects: selects.filter((_, i) => i !== 1),
    stats: [column],
  })
  const held = [0, 2, 3, 4].map(
    i => new Set(Array.from({ length: bounds[i + 1]! - bounds[i]! + 1 }, (_, n) => bounds[i]! + n).filter(n => n % 3 !== 1)),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: -5, max: 60 }), { minLength: 1, maxLength: 5 }), async wanted => {
      const keys = sql`SELECT unnest(${wanted}) AS "k/1~"`
      const touched = await touchedFiles(duck, table, snapshot, { keys, keyColumns: [column] })
      const expected = paths.filter((_, i) => wanted.some(key => held[i]!.has(key)))
      expect(touched.sort()).toEqual(expected.sort())
    }),
    { numRuns: multiplied(30) },
  )
})
