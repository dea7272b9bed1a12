import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Add } from '../../../lake/actions.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { fileSize } from '../../../lake/file-size.ts'
import { dataPath } from '../../../lake/path.ts'
import { field } from '../../../lake/schema.ts'
import { id, sql } from '../../../lake/sql.ts'
import { filesForRows, writeFiles } from '../../../lake/write-files.ts'
import { objects, type TempTable, tempTable } from './temp-table.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open()
})
afterAll(() => duck.close())

const fields = [field('a', 'integer'), field('b', 'string')]
const rowsOf = ({ stats }: Add) => (JSON.parse(stats!) as { numRecords: number }).numRecords

async function bounds(table: TempTable, add: Add, column: string): Promise<unknown> {
  const file = await table.store.fetch(dataPath(table, add.path))
  return duck.row(sql`SELECT min(${id(column)}) AS low, max(${id(column)}) AS high FROM read_parquet(${file})`)
}

test('equal parts of the key, one behind the other, each with its statistics', async () => {
  await using table = await tempTable()
  const select = sql`SELECT ((i * 7919) % 10007)::INTEGER AS a, 'x' AS b FROM range(10007) t(i)`
  const adds = await writeFiles(duck, table, { select, fields, files: 4, cutBy: ['a'], sortBy: sql`a`, stats: ['a'] })
  expect(adds).toHaveLength(4)
  expect(adds.reduce((sum, add) => sum + rowsOf(add), 0)).toBe(10007)
  for (const add of adds) expect(Math.abs(rowsOf(add) - 10007 / 4)).toBeLessThan(600)
  const ranges = adds.map(({ stats }) => JSON.parse(stats!) as { minValues: { a: number }; maxValues: { a: number } })
  for (const [i, { minValues }] of ranges.slice(1).entries()) expect(minValues.a).toBe(ranges[i]!.maxValues.a + 1)
})

test('parts of a key of two columns, of which the first is much the same', async () => {
  await using table = await tempTable()
  const select = sql`SELECT (i // 900)::INTEGER AS a, printf('%04d', i) AS b FROM range(1000) t(i)`
  const adds = await writeFiles(duck, table, { select, fields, files: 3, cutBy: ['a', 'b'], sortBy: sql`a, b` })
  expect(adds.map(rowsOf)).toEqual([333, 333, 334])
  expect(await bounds(table, adds[0]!, 'b')).toEqual({ low: '0000', high: '0332' })
  expect(await bounds(table, adds[2]!, 'b')).toEqual({ low: '0666', high: '0999' })
})

test('no rows, no files; fewer values than files, no empty ones', async () => {
  await using table = await tempTable()
  const none = sql`SELECT 1 AS a, 'x' AS b WHERE false`
  expect(await writeFiles(duck, table, { select: none, fields, files: 1, cutBy: ['a'] })).toEqual([])
  expect(await writeFiles(duck, table, { select: none, fields, files: 3, cutBy: ['a'] })).toEqual([])
  const two = sql`SELECT i::INTEGER AS a, 'x' AS b FROM range(2) t(i)`
  const adds = await writeFiles(duck, table, { select: two, fields, files: 5, cutBy: ['a'] })
  expect(adds.map(rowsOf)).toEqual([1, 1])
  expect(await objects(table.store, 'silver/')).toHaveLength(2)
})

test('how many files rows need is seen from some of them', async () => {
  await using table = await tempTable()
  const wide = sql`SELECT i::INTEGER AS a, md5(i::VARCHAR) || md5((i + 1)::VARCHAR) AS b FROM range(600000) t(i)`
  expect(await filesForRows(duck, table, { select: wide, fields, size: fileSize })).toBeGreaterThan(1)
  expect(await filesForRows(duck, table, { select: sql`SELECT * FROM (${wide}) LIMIT 50000`, fields, size: fileSize })).toBe(1)
  expect(await objects(table.store, 'silver/')).toEqual([])
})
