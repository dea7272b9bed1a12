import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Duck } from '../../../lake/duckdb.ts'
import { dataPath } from '../../../lake/path.ts'
import { field } from '../../../lake/schema.ts'
import { sql } from '../../../lake/sql.ts'
import { writeFile } from '../../../lake/write.ts'
import { objects, someFields, tempTable } from './temp-table.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open()
})
afterAll(() => duck.close())

test('one file in the store, its action, and nothing left behind', async () => {
  await using table = await tempTable()
  const add = (await writeFile(duck, table, { select: sql`SELECT 'x' AS name, 7 AS id, 1 AS more`, fields: someFields }))!
  expect(await objects(table.store, 'silver/')).toEqual([dataPath(table, add.path)])
  expect(add).toMatchObject({
    partitionValues: {},
    dataChange: true,
    stats: '{"numRecords":1}',
    size: (await table.store.head(dataPath(table, add.path)))!.size,
  })
  expect(await readdir(table.store.scratch)).toEqual([])
})

test('no rows, no file', async () => {
  await using table = await tempTable()
  expect(
    await writeFile(duck, table, { select: sql`SELECT 1 AS id, 'x' AS name WHERE false`, fields: someFields }),
  ).toBeUndefined()
  expect(await objects(table.store, 'silver/')).toEqual([])
  expect(await readdir(table.store.scratch)).toEqual([])
})

test('statistics only of the columns named, exact beyond 2^53', async () => {
  await using table = await tempTable()
  const fields = [field('id', 'long'), field('email', 'string'), field('odd"name', 'decimal(38,2)')]
  const select = sql`SELECT 9007199254740993 + i AS id, 'person@example.org' AS email, NULL AS "odd""name" FROM range(3) t(i)`
  const add = (await writeFile(duck, table, { select, fields, stats: ['id', 'odd"name'] }))!
  expect(add.stats).toBe(
    '{"numRecords":3,"minValues":{"id":9007199254740993},"maxValues":{"id":9007199254740995},"nullCount":{"id":0,"odd\\"name":3}}',
  )
})

test('the select runs once', async () => {
  await using table = await tempTable()
  await duck.run(sql`CREATE OR REPLACE TEMP SEQUENCE calls`)
  const add = await writeFile(duck, table, {
    select: sql`SELECT nextval('calls') AS id, 'x' AS name FROM range(10)`,
    fields: someFields,
  })
  expect(add!.stats).toContain('10')
  expect(await duck.row(sql`SELECT nextval('calls') AS n`)).toEqual({ n: 11n })
})

test('rows come sorted inside the file, in row groups of the size asked for', async () => {
  await using table = await tempTable()
  const select = sql`SELECT (i * 7919) % 10007 AS id, 'x' AS name FROM range(10007) t(i)`
  const add = (await writeFile(duck, table, { select, fields: someFields, sortBy: sql`id`, rowGroupSize: 2048 }))!
  const file = await table.store.fetch(dataPath(table, add.path))
  const groups = await duck.rows(
    sql`SELECT stats_min_value::BIGINT AS low FROM parquet_metadata(${file}) WHERE path_in_schema = 'id' ORDER BY row_group_id`,
  )
  expect(groups.map(group => group.low)).toEqual([0n, 2048n, 4096n, 6144n, 8192n])
})

test('types are cast to what the schema says, where DuckDB would write another', async () => {
  await using table = await tempTable()
  const fields = [field('sum', 'decimal(38,0)'), field('uuid', 'string'), field('at', 'timestamp'), field('json', 'string')]
  const select = sql`SELECT sum(i) AS sum, uuid() AS uuid, TIMESTAMP '2026-01-01 00:00:00' AS at, '{"a":1}'::JSON AS json FROM range(3) t(i)`
  const add = (await writeFile(duck, table, { select, fields }))!
  const schema = await duck.rows(
    sql`SELECT duckdb_type FROM parquet_schema(${await table.store.fetch(dataPath(table, add.path))}) WHERE name <> 'duckdb_schema'`,
  )
  expect(schema.map(column => column.duckdb_type)).toEqual(['DECIMAL(38,0)', 'VARCHAR', 'TIMESTAMP WITH TIME ZONE', 'VARCHAR'])
})

test.each([
  ['out of range', sql`SELECT 300 AS tiny`],
  ['no number', sql`SELECT 'secret' AS tiny`],
  ['a reader’s own complaint', sql`SELECT error('secret') AS tiny`],
  ['a value that speaks of columns', sql`SELECT 'x when casting from source column secret' AS tiny`],
])('a value that does not fit is an error without the value: %s', async (_, select) => {
  await using table = await tempTable()
  const failure = await writeFile(duck, table, { select, fields: [field('tiny', 'byte')] }).catch(
    (error: unknown) => error as Error,
  )
  expect(failure).toMatchObject({ code: 'LAKE_BAD_VALUE', retryable: false })
  expect(failure).not.toHaveProperty('cause')
  expect((failure as Error).message).not.toMatch(/secret|300/)
  expect(await objects(table.store, 'silver/')).toEqual([])
})

test('a disk that is full while the file is written is STORE_FULL, and leaves nothing', async () => {
  await using table = await tempTable()
  const room = join(import.meta.dirname, '../../..')
  const script = `
    import { openStore } from '${room}/connectors/open-store.ts'
    import { Duck } from '${room}/lake/duckdb.ts'
    import { field } from '${room}/lake/schema.ts'
    import { sql } from '${room}/lake/sql.ts'
    import { writeFile } from '${room}/lake/write.ts'
    const store = await openStore(${JSON.stringify(pathToFileURL(table.dir).href)}, { cacheDir: '/nonexistent' })
    const select = sql\`SELECT uuid()::VARCHAR AS id FROM range(200000)\`
    await writeFile(await Duck.open(), { store, path: 'gold/t' }, { select, fields: [field('id', 'string')] }).catch(e => console.log(e.code, e.retryable, e.message))
    process.exit()`
  // A limit on the file size stands in for a full disk.
  const command = 'trap "" XFSZ; ulimit -f 512; exec "$0" --input-type=module-typescript -e "$1"'
  const { stdout } = await promisify(execFile)('bash', ['-c', command, process.execPath, script])
  expect(stdout).toMatch(/^STORE_FULL true .*\.scratch\S*: the disk is full .* gold\/t/)
  expect(await readdir(table.store.scratch)).toEqual([])
  expect(await objects(table.store, 'gold/')).toEqual([])
})
