// Others write while we do: nobody's rows are lost, none comes twice, and whoever planned on old rows plans anew.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commit } from '../../lake/commit.ts'
import { loadSnapshot } from '../../lake/log.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { sql } from '../../lake/sql.ts'
import { writeFile } from '../../lake/write.ts'
import { someFields, type TempTable, tempTable } from '../unit/lake/temp-table.ts'
import { Engines } from './engines/engines.ts'
import { Others } from './others.ts'
import { folderOf, ownRows } from './same-rows.ts'

let others: Others
/** A connection of its own, so that it works while another one waits. */
let beside: Engines
beforeAll(async () => {
  others = await Others.open()
  beside = await Engines.connect()
})
afterAll(async () => {
  beside.close()
  await others.close()
})

const insert = (table: TempTable, id: number) => beside.spark(folderOf(table), `INSERT INTO {table} VALUES (${id}, 'spark')`)
const ours = (table: TempTable, id: number, base: Snapshot | undefined) =>
  others.append(table, sql`SELECT ${id} AS id, 'ours' AS name`, { fields: someFields, base })

test('our append, planned before a Spark append, goes behind it; our merge and our overwrite do not', async () => {
  await using table = await tempTable()
  const one = await ours(table, 1, undefined)
  await insert(table, 2)
  const two = await ours(table, 3, one)
  expect(two.version).toBe(2)
  await insert(table, 4)
  const add = await writeFile(others.duck, table, { select: sql`SELECT 9 AS id, 'merged' AS name`, fields: someFields })
  const merge = { operation: 'MERGE', removes: [...one.files.keys()], adds: [add!] } as const
  await expect(commit(table, { base: two, mode: 'merge', ...merge })).rejects.toMatchObject({
    code: 'LAKE_CONFLICT',
    retryable: true,
  })
  await expect(commit(table, { base: two, mode: 'overwrite', ...merge })).rejects.toMatchObject({
    code: 'LAKE_CONFLICT',
    retryable: false,
  })
  const now = (await loadSnapshot(table))!
  await beside.spark(folderOf(table), 'OPTIMIZE {table}')
  const rows = { operation: 'OPTIMIZE', removes: [...now.files.keys()], adds: [add!] } as const
  await expect(commit(table, { base: now, mode: 'compaction', ...rows })).rejects.toMatchObject({
    code: 'LAKE_CONFLICT',
    retryable: true,
  })
  expect(await others.same(table, (await loadSnapshot(table))!)).toBe(4)
})

test('delta-rs and we append to one local table at once', async () => {
  await using table = await tempTable()
  let base = await ours(table, 0, undefined)
  const theirs = (async () => {
    for (let n = 0; n < 25; n++) {
      const rows = {
        columns: [
          ['id', 'int64'],
          ['name', 'string'],
        ],
        rows: [[1_000 + n, 'delta-rs']],
      }
      await beside.deltalake(folderOf(table), 'append', rows)
    }
  })()
  for (let n = 1; n < 50; n++) base = await ours(table, n, base)
  await theirs
  const snapshot = (await loadSnapshot(table))!
  expect(snapshot.version).toBe(74)
  expect(new Set(await ownRows({ duck: others.duck, table, snapshot })).size).toBe(75)
  await others.same(table, snapshot)
})

test('Spark MERGE, OPTIMIZE and appends beside our appends', async () => {
  await using table = await tempTable()
  let base = await ours(table, 0, undefined)
  let n = 0
  /** Spark's statement while we append three times; if we were first, it is run again while nobody writes. */
  const sideBySide = async (statement: string) => {
    const theirs = succeeds(table, statement)
    for (let i = 0; i < 3; i++) {
      base = await ours(table, ++n, base)
      await sleep(100)
    }
    if (!(await theirs)) expect(await succeeds(table, statement)).toBe(true)
  }
  for (const k of [0, 1, 2, 3]) {
    await sideBySide(`INSERT INTO {table} VALUES (${1_000 + k}, 'spark')`)
    await sideBySide(`MERGE INTO {table} t USING (SELECT explode(array(${1_000 + k}, ${2_000 + k})) AS id, 'merged' AS name) s
      ON t.id = s.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *`)
    if (k % 2 === 1) await sideBySide('OPTIMIZE {table}')
  }
  const snapshot = (await loadSnapshot(table))!
  const rows = (await ownRows({ duck: others.duck, table, snapshot })).map(
    text => JSON.parse(text) as { id: string; name: string },
  )
  const ids = (mine: boolean) =>
    rows
      .filter(({ name }) => (name === 'ours') === mine)
      .map(({ id }) => Number(id))
      .sort((a, b) => a - b)
  expect(ids(true)).toEqual(Array.from({ length: n + 1 }, (_, i) => i))
  expect(ids(false)).toEqual([1_000, 1_001, 1_002, 1_003, 2_000, 2_001, 2_002, 2_003])
  expect(rows.filter(({ name }) => name === 'spark')).toEqual([])
  await others.same(table, snapshot)
})

/** Spark may find that we were first; it must say so and change nothing. */
function succeeds(table: TempTable, statement: string): Promise<boolean> {
  return beside.spark(folderOf(table), statement).then(
    () => true,
    (error: Error) => {
      expect(error.message).toMatch(/Concurrent|CONCURRENT/)
      return false
    },
  )
}
