// What a session of MySQL may do to its own events: compress them, prepare them and roll them back, leave columns out of them.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ConnectorStatus, connectRequest } from '../../../infra/debezium/connect-api.ts'
import type { LakeVerdict } from '../../../processors/verify/verify-lake.ts'
import { openStack } from '../shop/stack.ts'
import { openVerifyLine, type VerifyLine } from './verify-line.ts'

let line: VerifyLine
let stopRun: () => Promise<void>
beforeAll(async () => {
  line = await openVerifyLine()
  stopRun = await line.run()
})
afterAll(async () => {
  await stopRun?.()
  await line?.close()
})

async function verify(...args: string[]): Promise<LakeVerdict & { code: number | null }> {
  const { code, stdout, stderr } = await line.binlake(['verify', '--json', '--table', 'parents', ...args])
  expect(stdout, stderr).not.toBe('')
  return { code, ...(JSON.parse(stdout) as LakeVerdict) }
}

async function rows(query: string): Promise<object[]> {
  const { code, stdout, stderr } = await line.binlake(['sql', query, '--json'])
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}

/** Debezium tells of no end of a prepared transaction, so that `verify` may look before its rows are there: they are waited for. */
async function arrived(query: string): Promise<void> {
  for (let tries = 0; tries < 60 && (await rows(query)).length === 0; tries++) await sleep(500)
}

test('scenario 20: three updates of one row in a compressed transaction share a place in the binlog: the third counts, each is a version', async () => {
  const { database } = line
  await line.asRoot(
    `USE ${database}`,
    'SET SESSION binlog_transaction_compression = ON',
    'BEGIN',
    ...['first', 'second', 'third'].map(name => `UPDATE parents SET name = '${name}' WHERE id = 1`),
    'COMMIT',
  )
  expect(await verify('--patience', '120')).toMatchObject({ code: 0, equal: true })
  expect(await rows('select name from silver.parents where id = 1')).toEqual([{ name: 'third' }])
  const versions =
    await rows(`select name, (select count(distinct (_file, _pos, _row)) from silver.parents_history where id = 1 and _op = 'u') as places
    from silver.parents_history where id = 1 and _op = 'u' order by _seq`)
  expect(versions.map(version => ({ ...version, places: Number((version as { places: unknown }).places) }))).toEqual([
    { name: 'first', places: 1 },
    { name: 'second', places: 1 },
    { name: 'third', places: 1 },
  ])
})

test('scenario 20, prepared by XA: a compressed transaction without any order in it ends as in MySQL', async () => {
  const { database } = line
  await line.asRoot(
    `USE ${database}`,
    'SET SESSION binlog_transaction_compression = ON',
    "XA START 'packed'",
    "INSERT INTO parents VALUES (601, 'a'), (602, 'a'), (603, 'a')",
    "UPDATE parents SET name = 'b' WHERE id IN (601, 602, 603)",
    ...['a', 'b', 'a'].map(name => `UPDATE parents SET name = '${name}' WHERE id = 601`),
    'DELETE FROM parents WHERE id = 603',
    "XA END 'packed'",
    "XA PREPARE 'packed'",
    "XA COMMIT 'packed'",
    "UPDATE children SET note = 'after XA' WHERE id = 1",
  )
  await arrived('select id from silver.parents where id = 601')
  expect(await verify('--patience', '120')).toMatchObject({ code: 0, equal: true })
  const packed = 'from silver.parents_history where id = 601'
  expect(await rows(`select name, _tx_order is null as unordered ${packed} order by _seq`)).toEqual(
    ['a', 'b', 'a', 'b', 'a'].map(name => ({ name, unordered: true })),
  )
  expect(await rows(`select count(distinct _pos)::int as places ${packed}`)).toEqual([{ places: 1 }])
  expect(await rows('select id, name from silver.parents where id between 601 and 603 order by id')).toEqual([
    { id: 601, name: 'a' },
    { id: 602, name: 'b' },
  ])
})

test('a prepared transaction that is rolled back: Debezium has told of it, verify names its rows and mends them', async () => {
  await line.query(
    "XA START 'kept'",
    "INSERT INTO parents VALUES (501, 'kept')",
    "XA END 'kept'",
    "XA PREPARE 'kept'",
    "XA COMMIT 'kept'",
    "XA START 'undone'",
    "INSERT INTO parents VALUES (502, 'never')",
    "UPDATE parents SET name = 'never' WHERE id = 2",
    "XA END 'undone'",
    "XA PREPARE 'undone'",
    "XA ROLLBACK 'undone'",
    "UPDATE children SET note = 'after' WHERE id = 1",
  )
  await arrived('select id from silver.parents where id = 502')
  const { code, tables } = await verify('--patience', '120')
  expect(code).toBe(4)
  expect(tables[0]!.differences).toEqual({ 'missing in silver': 0, 'only in silver': 1, different: 1 })
  expect(await verify('--patience', '120', '--repair')).toMatchObject({ code: 0 })
  expect(await rows('select id, name from silver.parents where id in (2, 501, 502) order by id')).toEqual([
    { id: 2, name: 'secret name 2' },
    { id: 501, name: 'kept' },
  ])
})

test('an update without its unchanged columns stops the connector: nothing becomes NULL', async () => {
  const { database } = line
  await line.asRoot(`USE ${database}`, 'SET SESSION binlog_row_image = MINIMAL', "UPDATE parents SET name = 'short' WHERE id = 3")
  const stack = await openStack()
  let status: ConnectorStatus | undefined
  for (let tries = 0; tries < 60 && status?.tasks[0]?.state !== 'FAILED'; tries++) {
    status = await connectRequest<ConnectorStatus>(stack.connectUrl, `/connectors/${database}/status`)
    await sleep(500)
  }
  await stack.close()
  expect(status?.tasks[0]?.trace).toContain('internal schema size')
  expect(await rows('select id, name from silver.parents where id = 3 or name is null')).toEqual([
    { id: 3, name: 'secret name 3' },
  ])
})
