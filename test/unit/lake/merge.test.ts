import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Add } from '../../../lake/actions.ts'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { locate } from '../../../lake/locate.ts'
import { type Merged, mergeFiles } from '../../../lake/merge.ts'
import { scan } from '../../../lake/scan.ts'
import { type DeltaType, duckType, type Field, field } from '../../../lake/schema.ts'
import type { Snapshot } from '../../../lake/snapshot.ts'
import { id, join, type Sql, sql, trusted } from '../../../lake/sql.ts'
import type { Table } from '../../../lake/table.ts'
import { multiplied } from '../multiplied.ts'
import { tempTable } from './temp-table.ts'

vi.setConfig({ testTimeout: 60_000 })

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open({ threads: 1 })
})
afterAll(() => duck.close())

/** One column of a key: how a number becomes a value of it that orders as the number does. */
interface KeyColumn {
  type: DeltaType
  value: (n: number) => Sql
  inLog: boolean
}

const kinds: Record<string, KeyColumn[]> = {
  int: [{ type: 'integer', value: n => sql`${n - 50}`, inLog: true }],
  'bigint beyond 2^53': [{ type: 'long', value: n => sql`${9007199254740000n + BigInt(n)}`, inLog: true }],
  unsigned: [{ type: 'decimal(20,0)', value: n => sql`${18446744073709551000n + BigInt(n)}::DECIMAL(20,0)`, inLog: true }],
  decimal: [{ type: 'decimal(12,3)', value: n => sql`((${n} - 100) / 1000)::DECIMAL(12,3)`, inLog: true }],
  date: [{ type: 'date', value: n => sql`(DATE '1899-12-01' + ${n}::INTEGER)`, inLog: true }],
  timestamp: [{ type: 'timestamp', value: n => sql`make_timestamptz(1767225600000000 + 300 * ${n})`, inLog: true }],
  'text in the log': [{ type: 'string', value: n => sql`${`k-${String(n).padStart(4, '0')}`}`, inLog: true }],
  'text not in the log': [{ type: 'string', value: n => sql`${`ü'"\n${String(n).padStart(4, '0')}`}`, inLog: false }],
  token: [{ type: 'string', value: n => sql`md5(${String(n)})`, inLog: false }],
  binary: [{ type: 'binary', value: n => sql`unhex(${n.toString(16).padStart(6, '0')})`, inLog: false }],
  'two columns': [
    { type: 'integer', value: n => sql`${Math.floor(n / 37)}`, inLog: true },
    { type: 'string', value: n => sql`${`z${String(n % 37).padStart(2, '0')}`}`, inLog: false },
  ],
  'two columns in the log': [
    { type: 'short', value: () => sql`1`, inLog: true },
    { type: 'long', value: n => sql`${n}`, inLog: true },
  ],
}

const names = ['next', 'k/2~."']
/** So wide that a file's size tells its rows. */
const wide = join(
  Array.from({ length: 16 }, () => sql`md5(random()::VARCHAR)`),
  ' || ',
)

/** A table of such keys and its reference: the same rows in a DuckDB table. */
class Reference {
  readonly table: Table
  readonly keyColumns: string[]
  readonly fields: Field[]
  readonly #columns: KeyColumn[]
  snapshot: Snapshot | undefined

  constructor(table: Table, columns: KeyColumn[]) {
    this.table = table
    this.#columns = columns
    this.keyColumns = columns.map((_, i) => names[i]!)
    this.fields = [...columns.map(({ type }, i) => field(names[i]!, type)), field('v', 'integer'), field('pad', 'string')]
  }

  async start(): Promise<void> {
    const columns = this.fields.map(({ name, type }) => sql`${id(name)} ${trusted(duckType(type))}`)
    await duck.run(sql`CREATE OR REPLACE TEMP TABLE reference (${join(columns)})`)
  }

  /** Upserts and deletes keys, both in the table and in the reference. */
  async merge(batch: { put: readonly number[]; gone: readonly number[]; v: number; rowsPerFile: number }): Promise<Merged> {
    const { put, gone, v, rowsPerFile } = batch
    const key = join(this.keyColumns.map(name => id(name)))
    const keyOf = (n: number) =>
      join(this.#columns.map(({ type, value }) => sql`CAST(${value(n)} AS ${trusted(duckType(type))})`))
    const all = [...put.map(n => sql`(${keyOf(n)}, ${v}, true)`), ...gone.map(n => sql`(${keyOf(n)}, ${v}, false)`)]
    await duck.run(
      sql`CREATE OR REPLACE TEMP TABLE batch AS SELECT *, ${wide} AS pad FROM (VALUES ${join(all)}) AS t(${key}, v, put)`,
    )
    const rows = sql`SELECT ${key}, v, pad FROM batch WHERE put`
    const keys = sql`SELECT ${key} FROM batch`
    const found = this.snapshot && (await locate(duck, this.table, this.snapshot, { keys, keyColumns: this.keyColumns }))
    await duck.run(
      sql`CREATE OR REPLACE TEMP TABLE held AS ${found ? sql`SELECT * FROM ${found}` : sql`SELECT ${key}, NULL::VARCHAR AS _path FROM batch WHERE false`}`,
    )
    const rowBytes = this.snapshot ? bytesOf(this.snapshot.files.values()) / rowsOf(this.snapshot.files.values()) : 1
    const target = rowsPerFile * rowBytes
    const merged = await mergeFiles(duck, this.table, {
      base: this.snapshot,
      fields: this.fields,
      keyColumns: this.keyColumns,
      rows,
      held: sql`SELECT * FROM held`,
      stats: this.keyColumns.filter((_, i) => this.#columns[i]!.inLog),
      sizeOf: () => ({ target, splitAt: 1.5 * target, joinBelow: 0.5 * target }),
    })
    this.snapshot = await commit(this.table, {
      base: this.snapshot,
      mode: 'merge',
      operation: 'MERGE',
      metaData: { fields: this.fields },
      ...merged,
    })
    await duck.run(sql`DELETE FROM reference WHERE (${key}) IN (${keys})`)
    await duck.run(sql`INSERT INTO reference BY NAME ${rows}`)
    return merged
  }

  /** Rows that are in one of the two only. */
  async difference(): Promise<number> {
    const rows = await scan(this.table, this.snapshot!)
    const row = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM (
      (SELECT * FROM ${rows} EXCEPT ALL SELECT * FROM reference) UNION ALL (SELECT * FROM reference EXCEPT ALL SELECT * FROM ${rows}))`)
    return Number(row!.n)
  }

  /** Pairs of files whose key ranges overlap, and rows that stand before a smaller key in their file. */
  async disorder(): Promise<{ overlaps: number; unsorted: number }> {
    const rows = await scan(this.table, this.snapshot!, { columns: this.keyColumns, fileColumn: '_path' })
    const key = sql`ROW(${join(this.keyColumns.map(name => id(name)))})`
    const overlaps = await duck.row<{ n: bigint }>(sql`
      WITH r AS (SELECT _path, min(${key}) AS low, max(${key}) AS high FROM ${rows} GROUP BY _path)
      SELECT count(*) AS n FROM r AS a JOIN r AS b ON a._path < b._path AND a.low <= b.high AND b.low <= a.high`)
    const files = await Promise.all(
      [...this.snapshot!.files.values()].map(({ path }) => this.table.store.fetch(`${this.table.path}/${path}`)),
    )
    const unsorted = await duck.row<{ n: bigint }>(sql`
      SELECT count(*) AS n FROM (SELECT ${key} AS k, lag(${key}) OVER (PARTITION BY filename ORDER BY file_row_number) AS before
        FROM read_parquet(${files}, filename = true, file_row_number = true)) WHERE before >= k`)
    return { overlaps: Number(overlaps!.n), unsorted: Number(unsorted!.n) }
  }
}

const bytesOf = (files: Iterable<Add>) => [...files].reduce((sum, { size }) => sum + size, 0)
const rowsOf = (files: Iterable<Add>) =>
  [...files].reduce((sum, { stats = '{"numRecords":10}' }) => sum + (JSON.parse(stats) as { numRecords: number }).numRecords, 0)
const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

async function startedWith(columns: KeyColumn[], put: readonly number[], table: Table): Promise<Reference> {
  const reference = new Reference(table, columns)
  await reference.start()
  // The first write knows no row size; the second parts it.
  await reference.merge({ put, gone: [], v: 0, rowsPerFile: 10 })
  await reference.merge({ put, gone: [], v: 1, rowsPerFile: 10 })
  return reference
}

describe.each(Object.keys(kinds))('key of %s', kind => {
  test('property: the table equals the reference; only files with a changed key are replaced; ranges stay apart', async () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { maxLength: 40 })
    const near = fc
      .integer({ min: 0, max: 390 })
      .chain(from => fc.integer({ min: 1, max: 15 }).map(length => upTo(from, from + length)))
    const batch = fc.record({
      put: fc.oneof(numbers, near),
      gone: fc.oneof(numbers, near, fc.constant<number[]>([])),
      rowsPerFile: fc.integer({ min: 5, max: 60 }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 120 }),
        fc.array(batch, { minLength: 1, maxLength: 3 }),
        async (size, batches) => {
          await using table = await tempTable()
          const step = Math.floor(400 / size)
          const reference = await startedWith(
            kinds[kind]!,
            upTo(0, size).map(n => n * step),
            table,
          )
          for (const [i, { put, gone, rowsPerFile }] of batches.entries()) {
            const puts = put.filter(n => !gone.includes(n))
            if (puts.length + gone.length === 0) continue
            const before = reference.snapshot!
            const old = await scan(table, before, { fileColumn: '_path' })
            const merged = await reference.merge({ put: puts, gone, v: i + 2, rowsPerFile })
            const touched = await duck.rows<{ path: string }>(
              sql`SELECT DISTINCT _path AS path FROM ${old} SEMI JOIN batch USING (${join(reference.keyColumns.map(name => id(name)))})`,
            )
            expect(merged.removes.toSorted()).toEqual(touched.map(({ path }) => path).toSorted())
            expect(await reference.difference()).toBe(0)
            expect((await reference.disorder()).unsorted).toBe(0)
          }
        },
      ),
      { numRuns: multiplied(2) },
    )
  })

  test('files of a large table stay apart and of the size wanted, whatever changes', async () => {
    await using table = await tempTable()
    const reference = await startedWith(
      kinds[kind]!,
      upTo(0, 100).map(n => n * 2),
      table,
    )
    for (const [i, put] of [upTo(0, 60), [199, 200, 201], [3, 5, 100, 101, 103, 198], upTo(50, 150)].entries()) {
      await reference.merge({ put: [...put], gone: [10 + i], v: i + 2, rowsPerFile: 20 })
      const { overlaps } = await reference.disorder()
      // Keys in no order fall between files that stay, and go to files of their own.
      if (kind !== 'token') expect(overlaps).toBe(0)
      expect(await reference.difference()).toBe(0)
    }
    const rows = [...reference.snapshot!.files.values()].map(file => rowsOf([file]))
    expect(Math.max(...rows)).toBeLessThanOrEqual(45)
  })
})

test('a batch of new keys alone touches no old file, wherever the keys lie', async () => {
  await using table = await tempTable()
  const reference = await startedWith(
    kinds.int!,
    upTo(0, 100).map(n => n * 4),
    table,
  )
  const before = [...reference.snapshot!.files.keys()]
  expect(before.length).toBeGreaterThan(5)
  const merged = await reference.merge({ put: [1, 201, 399, 1_000], gone: [], v: 9, rowsPerFile: 10 })
  expect(merged).toMatchObject({ removes: [], rewritten: 0 })
  expect(rowsOf(merged.adds)).toBe(4)
  expect([...reference.snapshot!.files.keys()].filter(path => before.includes(path))).toEqual(before)
})

test('new keys beside changed ones go to the files that are written anyway; beside others, to files of their own', async () => {
  await using table = await tempTable()
  const reference = await startedWith(
    kinds.int!,
    upTo(0, 100).map(n => n * 4),
    table,
  )
  const first = await reference.merge({ put: [0, 1, 2], gone: [], v: 9, rowsPerFile: 10 })
  expect([first.removes.length, first.adds.length]).toEqual([1, 1])
  const second = await reference.merge({ put: [0, 395, 200, 202], gone: [], v: 10, rowsPerFile: 10 })
  expect(second.removes).toHaveLength(2)
  // One more for 395, between rows of a file that stays.
  expect(second.adds.map(add => rowsOf([add])).toSorted()[0]).toBe(1)
  expect(await reference.difference()).toBe(0)
})

test('small neighbours are joined, and nothing is left of files whose rows are all gone', async () => {
  await using table = await tempTable()
  const reference = await startedWith(kinds.int!, upTo(0, 60), table)
  const files = reference.snapshot!.files.size
  await reference.merge({ put: [], gone: upTo(0, 60).filter(n => n % 10 !== 0), v: 2, rowsPerFile: 10 })
  expect(rowsOf(reference.snapshot!.files.values())).toBe(6)
  await reference.merge({ put: [0, 10, 20, 30, 40, 50], gone: [], v: 3, rowsPerFile: 10 })
  expect(files).toBeGreaterThan(4)
  expect(reference.snapshot!.files.size).toBe(1)
  const merged = await reference.merge({ put: [], gone: [0, 10, 20, 30, 40, 50], v: 4, rowsPerFile: 10 })
  expect(merged.adds).toEqual([])
  expect(await reference.difference()).toBe(0)
})

test('text keys that are not to be in the log are not there', async () => {
  await using table = await tempTable()
  const reference = await startedWith(kinds['text not in the log']!, upTo(0, 40), table)
  for (const { stats } of reference.snapshot!.files.values()) expect(stats).toMatch(/^\{"numRecords":\d+\}$/)
})

test('files of another writer, without any statistics, are merged like ours', async () => {
  await using table = await tempTable()
  const reference = await startedWith(kinds.int!, upTo(0, 60), table)
  const bare = [...reference.snapshot!.files.values()].map(({ stats: _, ...add }) => add)
  reference.snapshot = await commit(table, {
    base: reference.snapshot,
    mode: 'overwrite',
    operation: 'WRITE',
    adds: bare,
    removes: [],
  })
  expect([...reference.snapshot.files.values()].some(({ stats }) => stats)).toBe(false)
  const merged = await reference.merge({ put: [0, 1, 99], gone: [2], v: 7, rowsPerFile: 10 })
  expect(merged.removes).toHaveLength(1)
  expect(await reference.difference()).toBe(0)
})
