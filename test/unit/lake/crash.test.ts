import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Duck } from '../../../lake/duckdb.ts'
import type { FailPoint } from '../../../lake/fail-point.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { checkpointPath, commitPath, dataPath, lastCheckpointPath } from '../../../lake/path.ts'
import { scan } from '../../../lake/scan.ts'
import { sql } from '../../../lake/sql.ts'
import type { Table } from '../../../lake/table.ts'
import { objects, type TempTable, tempTable } from './temp-table.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open()
})
afterAll(() => duck.close())

/** Appends ids `first` to `first` + 9 and checkpoints, in a process of its own; true if it lived to its end. */
async function write(table: TempTable, first: number, point?: FailPoint): Promise<boolean> {
  if (point === undefined) return (await run(table, first)).stdout === 'done'
  await expect(run(table, first, point)).rejects.toMatchObject({ signal: 'SIGKILL' })
  return false
}

function run(table: TempTable, first: number, point?: FailPoint) {
  const args = [join(import.meta.dirname, 'crash-worker.ts'), pathToFileURL(table.dir).href, table.path, String(first)]
  const env = { ...process.env, TMPDIR: table.dir, ...(point ? { BINLAKE_FAIL_POINT: point } : {}) }
  return promisify(execFile)(process.execPath, args, { env })
}

/** The newest version, and the ids that reading it gives. */
async function state(table: Table): Promise<{ version: number; ids: number; sum: number; progress: bigint | undefined }> {
  const snapshot = (await loadSnapshot(table))!
  const row = await duck.row<{ ids: bigint; sum: bigint }>(
    sql`SELECT count(DISTINCT id) AS ids, sum(id)::BIGINT AS sum FROM ${await scan(table, snapshot)}`,
  )
  return { version: snapshot.version, ids: Number(row!.ids), sum: Number(row!.sum), progress: snapshot.txns.get('writer') }
}

/** What the hint names must be there, whole. */
async function hinted(table: Table): Promise<number> {
  const { version } = JSON.parse((await table.store.get(lastCheckpointPath(table)))!.toString('utf8')) as { version: number }
  expect(await table.store.head(commitPath(table, version))).toBeDefined()
  expect(
    await duck.row(
      sql`SELECT count(protocol) AS n FROM read_parquet(${[await table.store.fetch(checkpointPath(table, version))]})`,
    ),
  ).toEqual({
    n: 1n,
  })
  return version
}

const before = { version: 0, ids: 10, sum: 45, progress: 10n }
const after = { version: 1, ids: 20, sum: 190, progress: 20n }
const cases: [FailPoint, { left: typeof before; hint: number; orphans: number }][] = [
  ['write:uploaded', { left: before, hint: 0, orphans: 1 }],
  ['commit:before-put', { left: before, hint: 0, orphans: 1 }],
  ['commit:after-put', { left: after, hint: 0, orphans: 0 }],
  ['checkpoint:before-put', { left: after, hint: 0, orphans: 0 }],
  ['checkpoint:before-hint', { left: after, hint: 0, orphans: 0 }],
]

describe.each(cases)('a writer killed at %s', (point, { left, hint, orphans }) => {
  test(`leaves version ${left.version}, whole, and the next writer goes on`, async () => {
    await using table = await tempTable()
    expect(await write(table, 0)).toBe(true)
    expect(await state(table)).toEqual(before)

    expect(await write(table, 10, point)).toBe(false)
    expect(await state(table)).toEqual(left)
    expect(await hinted(table)).toBe(hint)
    const snapshot = (await loadSnapshot(table))!
    const live = new Set([...snapshot.files.keys()].map(path => dataPath(table, path)))
    const data = (await objects(table.store, `${table.path}/`)).filter(
      path => path.endsWith('.parquet') && !path.includes('/_delta_log/'),
    )
    expect(data.filter(path => !live.has(path))).toHaveLength(orphans)

    // Its successor repeats the batch if the progress says that it is missing.
    if (left === before) expect(await write(table, 10)).toBe(true)
    expect(await state(table)).toEqual(after)
    expect(await write(table, 20)).toBe(true)
    expect(await state(table)).toEqual({ version: 2, ids: 30, sum: 435, progress: 30n })
    expect(await hinted(table)).toBe(2)
  }, 60_000)
})

test('a batch that is repeated although it landed is refused, not doubled', async () => {
  await using table = await tempTable()
  await write(table, 0)
  expect(await write(table, 10, 'commit:after-put')).toBe(false)
  await expect(run(table, 10)).rejects.toMatchObject({ stderr: expect.stringContaining("code: 'LAKE_FENCED'") })
  expect(await state(table)).toEqual(after)
}, 60_000)

test('the first commit of a table: killed before it, there is no table; after it, there is', async () => {
  await using table = await tempTable()
  expect(await write(table, 0, 'commit:before-put')).toBe(false)
  expect(await loadSnapshot(table)).toBeUndefined()
  expect(await write(table, 0, 'commit:after-put')).toBe(false)
  expect(await state(table)).toEqual(before)
}, 60_000)
