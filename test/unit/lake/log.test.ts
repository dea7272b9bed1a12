import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ObjectStore } from '../../../connectors/object-store.ts'
import { checkpoint } from '../../../lake/checkpoint.ts'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { checkpointPath, commitPath } from '../../../lake/path.ts'
import type { Snapshot } from '../../../lake/snapshot.ts'
import type { Table } from '../../../lake/table.ts'
import { longLog } from './long-log.ts'
import { someAdd, someFields, type TempTable, tempTable } from './temp-table.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open()
})
afterAll(() => duck.close())

/** A table of `count` commits; the n-th adds file `f<n>` and removes the one two before. */
async function history(table: Table, count: number): Promise<Snapshot[]> {
  const snapshots: Snapshot[] = []
  for (let n = 0; n < count; n++) {
    const base = snapshots.at(-1)
    const removes = n >= 2 ? [`f${n - 2}`] : []
    const options = {
      base,
      operation: 'MERGE',
      metaData: { fields: someFields },
      removes,
      adds: [someAdd(`f${n}`)],
      txns: [{ appId: 'p', version: 2n ** 60n + BigInt(n) }],
    }
    snapshots.push(await commit(table, { ...options, mode: 'merge' }))
  }
  return snapshots
}

/** The store, counting what is asked of it. */
function counted(store: ObjectStore): { store: ObjectStore; calls: Record<string, number> } {
  const calls: Record<string, number> = {}
  const get = (target: ObjectStore, name: string) => {
    const value: unknown = Reflect.get(target, name)
    if (typeof value !== 'function') return value
    calls[name] = (calls[name] ?? 0) + 1
    return value.bind(target)
  }
  return { calls, store: new Proxy(store, { get: (target, name) => get(target, String(name)) }) }
}

test('no table there', async () => {
  await using table = await tempTable()
  expect(await loadSnapshot(table)).toBeUndefined()
  expect(await loadSnapshot(table, { version: 3 })).toBeUndefined()
})

test('opened anew it is what the writer holds; with a known snapshot too, from however far behind', async () => {
  await using table = await tempTable()
  const snapshots = await history(table, 30)
  expect(await loadSnapshot(table)).toEqual(snapshots[29])
  for (const known of [snapshots[0], snapshots[7], snapshots[28]])
    expect(await loadSnapshot(table, { known })).toEqual(snapshots[29])
})

test('the steady state is one GET, and gives the very same snapshot', async () => {
  await using table = await tempTable()
  const known = (await history(table, 3)).at(-1)!
  const { store, calls } = counted(table.store)
  expect(await loadSnapshot({ ...table, store }, { known })).toBe(known)
  expect(calls).toEqual({ get: 1 })
})

test('time travel to every version; beyond the newest there is none', async () => {
  await using table = await tempTable()
  const snapshots = await history(table, 12)
  await checkpoint(duck, table, snapshots[6]!)
  for (const snapshot of snapshots)
    expect((await loadSnapshot(table, { version: snapshot.version }))!.files).toEqual(
      settled(snapshot.files, snapshot.version >= 6),
    )
  await expect(loadSnapshot(table, { version: 12 })).rejects.toMatchObject({
    code: 'LAKE_VERSION_GONE',
    message: expect.stringContaining('newest is 11'),
  })
})

test('with a checkpoint and the older commits gone, only the checkpoint and what follows is read', async () => {
  await using table = await tempTable()
  const snapshots = await history(table, 12)
  await checkpoint(duck, table, snapshots[8]!)
  for (let version = 0; version < 8; version++) await table.store.delete(commitPath(table, version))
  const { store, calls } = counted(table.store)
  const opened = (await loadSnapshot({ ...table, store }))!
  expect(opened).toMatchObject({
    version: 11,
    txns: snapshots[11]!.txns,
    fields: snapshots[11]!.fields,
    timestamp: snapshots[11]!.timestamp,
  })
  expect([...opened.files.keys()]).toEqual([...snapshots[11]!.files.keys()])
  expect(new Set(opened.tombstones.keys())).toEqual(new Set(snapshots[11]!.tombstones.keys()))
  // The hint, the checkpoint, one list, the three commits after it.
  expect(calls).toEqual({ get: 5, list: 1 })
  await expect(loadSnapshot(table, { version: 5 })).rejects.toMatchObject({ code: 'LAKE_VERSION_GONE' })
})

test('without the hint, or with one that is nonsense or names what is gone, the list finds the checkpoint', async () => {
  await using table = await tempTable()
  const snapshots = await history(table, 12)
  await checkpoint(duck, table, snapshots[8]!)
  for (let version = 0; version < 8; version++) await table.store.delete(commitPath(table, version))
  const hint = `${table.path}/_delta_log/_last_checkpoint`
  for (const text of [undefined, 'nonsense', '{"version":3,"size":5}', '{"version":8,"size":5,"parts":2}']) {
    if (text === undefined) await table.store.delete(hint)
    else await table.store.put(hint, Buffer.from(text))
    expect((await loadSnapshot(table))!.version).toBe(11)
  }
})

test('a stale hint whose own commit was cleaned away does not hide newer versions', async () => {
  await using table = await tempTable()
  const snapshots = await history(table, 12)
  await checkpoint(duck, table, snapshots[3]!)
  const stale = (await table.store.get(`${table.path}/_delta_log/_last_checkpoint`))!
  await checkpoint(duck, table, snapshots[8]!)
  for (let version = 0; version < 8; version++) await table.store.delete(commitPath(table, version))
  await table.store.put(`${table.path}/_delta_log/_last_checkpoint`, stale)
  expect((await loadSnapshot(table))!.version).toBe(11)
})

test('a snapshot that slept through a cleanup is not taken for the newest', async () => {
  await using table = await tempTable()
  const snapshots = await history(table, 12)
  await checkpoint(duck, table, snapshots[8]!)
  for (let version = 0; version < 8; version++) await table.store.delete(commitPath(table, version))
  const known = { ...snapshots[2]!, timestamp: Date.now() - 2 * 86_400_000 }
  expect((await loadSnapshot(table, { known }))!.version).toBe(11)
})

test('a hole in the log, an empty commit and a torn one are told, not read over', async () => {
  await using table = await tempTable()
  await history(table, 6)
  await table.store.delete(commitPath(table, 3))
  await expect(loadSnapshot(table)).rejects.toMatchObject({
    code: 'LAKE_CORRUPT_LOG',
    message: expect.stringContaining('version 3'),
  })
  await table.store.put(commitPath(table, 3), Buffer.from('{"add":{"path'))
  await expect(loadSnapshot(table)).rejects.toMatchObject({
    code: 'LAKE_CORRUPT_LOG',
    message: expect.stringContaining('00000000000000000003.json'),
  })
  await table.store.put(commitPath(table, 3), Buffer.alloc(0))
  await expect(loadSnapshot(table)).rejects.toMatchObject({
    code: 'LAKE_CORRUPT_LOG',
    message: expect.stringContaining('00000000000000000003.json'),
  })
})

test('a table of another kind is refused, with the reason, also when it turns into one', async () => {
  await using table = await tempTable()
  const [zero] = await history(table, 1)
  const upgrade =
    '{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}}\n'
  await table.store.put(commitPath(table, 1), Buffer.from(upgrade))
  for (const known of [undefined, zero]) {
    await expect(loadSnapshot(table, { known })).rejects.toMatchObject({
      code: 'LAKE_UNSUPPORTED_TABLE',
      message: expect.stringContaining('table feature deletionVectors'),
    })
  }
})

describe('a table of 10,000 commits', () => {
  let table: TempTable
  beforeAll(async () => {
    table = await tempTable()
    await longLog(table, 10_000, (path, bytes) => writeFile(join(table.dir, path), bytes))
  }, 60_000)
  afterAll(() => table[Symbol.asyncDispose]())

  test('opens without a checkpoint, in seconds', async () => {
    const started = performance.now()
    const snapshot = (await loadSnapshot(table))!
    expect(snapshot).toMatchObject({ version: 9999, txns: new Map([['orders#1/0', 999_900n]]) })
    expect(snapshot.files.size).toBe(9999)
    expect(performance.now() - started).toBeLessThan(20_000)
  }, 60_000)

  test('opens by one list and two gets from a checkpoint of the newest version; the commits after it are one get each', async () => {
    const newest = (await loadSnapshot(table))!
    await checkpoint(duck, table, newest)
    const { store, calls } = counted(table.store)
    const opened = (await loadSnapshot({ ...table, store }))!
    const { head = 0, ...rest } = calls
    expect(rest).toEqual({ get: 2, list: 1 })
    // Version 9999 ends a block of names: whether its own commit is there is asked for by its name.
    expect(head).toBe(1)
    expect(opened).toMatchObject({ version: 9999, txns: newest.txns })
    expect(new Set(opened.files.keys())).toEqual(new Set(newest.files.keys()))
    for (let version = 9999; version < 10_002; version++) {
      const base = (await loadSnapshot(table))!
      await commit(table, { base, mode: 'append', operation: 'WRITE', adds: [someAdd(`g${version}`)] })
    }
    const later = counted(table.store)
    expect((await loadSnapshot({ ...table, store: later.store }))!.version).toBe(10_002)
    expect(later.calls).toMatchObject({ get: 5, list: 1 })
  }, 60_000)

  test('a stale hint, hundreds or thousands of commits old, gives the newest version', async () => {
    const expected = (await loadSnapshot(table))!
    const hint = `${table.path}/_delta_log/_last_checkpoint`
    for (const version of [99, 8999, 9899]) {
      await checkpoint(duck, table, (await loadSnapshot(table, { version }))!)
      await table.store.put(hint, Buffer.from(JSON.stringify({ version })))
      if (version === 99) await table.store.delete(checkpointPath(table, 9999))
      const opened = (await loadSnapshot(table))!
      expect(opened).toMatchObject({ version: expected.version, timestamp: expected.timestamp, txns: expected.txns })
      expect(new Set(opened.files.keys())).toEqual(new Set(expected.files.keys()))
    }
  }, 120_000)
})

test('a newer checkpoint than the hinted one is taken; one that is gone is done without', async () => {
  await using table = await tempTable()
  const snapshots = await history(table, 12)
  const hint = `${table.path}/_delta_log/_last_checkpoint`
  await checkpoint(duck, table, snapshots[3]!)
  const old = (await table.store.get(hint))!
  await checkpoint(duck, table, snapshots[8]!)
  await table.store.put(hint, old)
  const { store, calls } = counted(table.store)
  expect((await loadSnapshot({ ...table, store }))!.txns).toEqual(snapshots[11]!.txns)
  // The hint, both checkpoints, versions 9 to 11.
  expect(calls).toEqual({ get: 6, list: 1 })
  await table.store.delete(checkpointPath(table, 3))
  expect((await loadSnapshot(table))!.files).toEqual(settled(snapshots[11]!.files, true, 8))
})

test('the first commits gone and no checkpoint: told, with the version that is missing', async () => {
  await using table = await tempTable()
  await history(table, 6)
  for (const version of [0, 1]) await table.store.delete(commitPath(table, version))
  await expect(loadSnapshot(table)).rejects.toMatchObject({
    code: 'LAKE_CORRUPT_LOG',
    message: 'silver/shop/orders: version 0 is missing, and no checkpoint stands for it',
  })
})

test('time travel to a version cleaned away names the oldest left, and its time', async () => {
  await using table = await tempTable()
  const snapshots = await history(table, 12)
  await checkpoint(duck, table, snapshots[8]!)
  for (let version = 0; version < 8; version++) await table.store.delete(commitPath(table, version))
  await expect(loadSnapshot(table, { version: 5 })).rejects.toMatchObject({
    code: 'LAKE_VERSION_GONE',
    message: `silver/shop/orders: version 5 has been cleaned away; the oldest is version 8, of ${new Date(snapshots[8]!.timestamp).toISOString()}`,
  })
})

/** What a checkpoint keeps of a file: its `dataChange` is false. */
function settled(files: Snapshot['files'], fromCheckpoint: boolean, version = 6): Snapshot['files'] {
  if (!fromCheckpoint) return files
  return new Map([...files].map(([path, add]) => [path, Number(path.slice(1)) <= version ? { ...add, dataChange: false } : add]))
}
