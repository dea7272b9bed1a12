import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ObjectStore } from '../../../connectors/object-store.ts'
import { checkpoint } from '../../../lake/checkpoint.ts'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { commitPath } from '../../../lake/path.ts'
import type { Snapshot } from '../../../lake/snapshot.ts'
import type { Table } from '../../../lake/table.ts'
import { someAdd, someFields, tempTable } from './temp-table.ts'

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
  expect(calls.list).toBeUndefined()
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

test('two thousand commits without a checkpoint open in seconds', async () => {
  await using table = await tempTable()
  const first = (await history(table, 1))[0]!
  const line = (n: number) => `{"commitInfo":{"timestamp":${n}}}\n${JSON.stringify({ add: someAdd(`g${n}`) })}\n`
  await Promise.all(Array.from({ length: 2000 }, (_, n) => table.store.put(commitPath(table, n + 1), Buffer.from(line(n)))))
  const started = performance.now()
  expect((await loadSnapshot(table))!.files.size).toBe(2001)
  expect((await loadSnapshot(table, { known: first }))!.version).toBe(2000)
  expect(performance.now() - started).toBeLessThan(10_000)
}, 60_000)

/** What a checkpoint keeps of a file: its `dataChange` is false. */
function settled(files: Snapshot['files'], fromCheckpoint: boolean): Snapshot['files'] {
  if (!fromCheckpoint) return files
  return new Map([...files].map(([path, add]) => [path, Number(path.slice(1)) <= 6 ? { ...add, dataChange: false } : add]))
}
