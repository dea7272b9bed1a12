import { expect, test } from 'vitest'
import type { ObjectStore } from '../../../connectors/object-store.ts'
import { StoreError } from '../../../connectors/store-error.ts'
import { type CommitOptions, commit } from '../../../lake/commit.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { field } from '../../../lake/schema.ts'
import { objects, someAdd, someFields, tempTable } from './temp-table.ts'

const append = (more: Partial<CommitOptions> = {}): CommitOptions => ({
  base: undefined,
  mode: 'append',
  operation: 'WRITE',
  metaData: { fields: someFields },
  ...more,
})

test('makes the table, then goes on; what it returns is what is loaded', async () => {
  await using table = await tempTable()
  const zero = await commit(
    table,
    append({ adds: [someAdd('a')], txns: [{ appId: 't/0', version: 5n }], userMetadata: '{"rows":1}' }),
  )
  expect(zero).toEqual(await loadSnapshot(table))
  expect(zero.protocol).toEqual({ minReaderVersion: 1, minWriterVersion: 2 })
  const one = await commit(table, append({ base: zero, adds: [someAdd('b')], txns: [{ appId: 't/0', version: 2n ** 60n }] }))
  expect(one).toEqual(await loadSnapshot(table))
  expect([...one.files.keys()]).toEqual(['a', 'b'])
  expect(one.txns.get('t/0')).toBe(2n ** 60n)
  expect(one.metaData).toBe(zero.metaData)
})

test('an append that lost the race goes behind the winner', async () => {
  await using table = await tempTable()
  const base = await commit(table, append())
  await commit(table, append({ base, adds: [someAdd('winner')] }))
  const late = await commit(table, append({ base, adds: [someAdd('late')] }))
  expect(late.version).toBe(2)
  expect([...late.files.keys()]).toEqual(['winner', 'late'])
  expect(late).toEqual(await loadSnapshot(table))
})

test('two workers that make the same table at once both get their rows in', async () => {
  await using table = await tempTable()
  const both = await Promise.all(
    ['a', 'b'].map(name => commit(table, append({ adds: [someAdd(name)], txns: [{ appId: name, version: 1n }] }))),
  )
  expect(both.map(snapshot => snapshot.version).sort()).toEqual([0, 1])
  const snapshot = await loadSnapshot(table)
  expect(new Set(snapshot!.files.keys())).toEqual(new Set(['a', 'b']))
  expect(snapshot!.txns.size).toBe(2)
})

test('a former owner whose progress was moved by another is fenced', async () => {
  await using table = await tempTable()
  const base = await commit(table, append({ txns: [{ appId: 'p0', version: 10n }] }))
  await commit(table, append({ base, adds: [someAdd('new owner')], txns: [{ appId: 'p0', version: 20n }] }))
  await expect(
    commit(table, append({ base, adds: [someAdd('zombie')], txns: [{ appId: 'p0', version: 15n }] })),
  ).rejects.toMatchObject({
    code: 'LAKE_FENCED',
    retryable: false,
  })
})

test('an append whose progress the base already holds is fenced; progress that stands still beside other is left out', async () => {
  await using table = await tempTable()
  const base = await commit(table, append({ txns: [{ appId: 'p0', version: 10n }] }))
  await expect(commit(table, append({ base, txns: [{ appId: 'p0', version: 10n }] }))).rejects.toMatchObject({
    code: 'LAKE_FENCED',
  })
  const txns = [
    { appId: 'p0', version: 7n },
    { appId: 'p1', version: 3n },
  ]
  const next = await commit(table, append({ base, txns }))
  expect(Object.fromEntries(next.txns)).toEqual({ p0: 10n, p1: 3n })
})

test('a merge that lost to new rows says so, retryable; planned anew it goes through', async () => {
  await using table = await tempTable()
  const base = await commit(table, append({ adds: [someAdd('a')] }))
  const winner = await commit(table, append({ base, adds: [someAdd('b')] }))
  const merge = (on: typeof base) =>
    commit(table, { base: on, mode: 'merge', operation: 'MERGE', removes: ['a'], adds: [someAdd('a2')] })
  await expect(merge(base)).rejects.toMatchObject({ code: 'LAKE_CONFLICT', retryable: true })
  const merged = await merge(winner)
  expect([...merged.files.keys()]).toEqual(['b', 'a2'])
  expect(merged.tombstones.get('a')).toMatchObject({ size: 1, partitionValues: {}, deletionTimestamp: expect.any(Number) })
})

test('two merges that replace the same file: one goes through', async () => {
  await using table = await tempTable()
  const base = await commit(table, append({ adds: [someAdd('a')] }))
  const merge = (path: string) =>
    commit(table, { base, mode: 'merge', operation: 'MERGE', removes: ['a'], adds: [someAdd(path)] })
  const results = await Promise.allSettled([merge('x'), merge('y')])
  expect(results.map(result => result.status).sort()).toEqual(['fulfilled', 'rejected'])
  expect((await loadSnapshot(table))!.files.size).toBe(1)
})

test('a merge goes behind new rows that lie beside its keys', async () => {
  await using table = await tempTable()
  const ranged = (path: string, low: number, high: number) =>
    someAdd(path, { stats: `{"numRecords":2,"minValues":{"id":${low}},"maxValues":{"id":${high}}}` })
  const base = await commit(table, append({ adds: [ranged('a', 1, 9)] }))
  await commit(table, append({ base, adds: [ranged('b', 10, 19)] }))
  const merge = (max: string) =>
    commit(table, {
      base,
      mode: 'merge',
      operation: 'MERGE',
      removes: ['a'],
      adds: [ranged('a2', 1, 9)],
      keyRange: [{ column: 'id', min: '3', max }],
    })
  await expect(merge('10')).rejects.toMatchObject({ code: 'LAKE_CONFLICT', retryable: true })
  expect([...(await merge('9')).files.keys()]).toEqual(['b', 'a2'])
})

test('a compactor hears which of its files were gone, and goes on with the others', async () => {
  await using table = await tempTable()
  const base = await commit(table, append({ adds: ['a', 'b', 'c', 'd'].map(path => someAdd(path)) }))
  await commit(table, { base, mode: 'merge', operation: 'MERGE', removes: ['c'], adds: [someAdd('c2')] })
  const compact = (removes: string[]) =>
    commit(table, { base, mode: 'compaction', operation: 'OPTIMIZE', removes, adds: [someAdd('big')] })
  await expect(compact(['a', 'b', 'c', 'd'])).rejects.toMatchObject({ code: 'LAKE_CONFLICT', retryable: true, paths: ['c'] })
  expect([...(await compact(['a', 'b'])).files.keys()]).toEqual(['d', 'c2', 'big'])
})

test('an overwrite replaces every file, and does not go on after a lost race', async () => {
  await using table = await tempTable()
  const base = await commit(table, append({ adds: [someAdd('a'), someAdd('b')] }))
  const overwrite: CommitOptions = { base, mode: 'overwrite', operation: 'WRITE', adds: [someAdd('c')] }
  const after = await commit(table, overwrite)
  expect([...after.files.keys()]).toEqual(['c'])
  await expect(commit(table, overwrite)).rejects.toMatchObject({ code: 'LAKE_CONFLICT', retryable: false })
})

test('compaction moves rows without changing data, and steps around appends', async () => {
  await using table = await tempTable()
  const base = await commit(table, append({ adds: [someAdd('a'), someAdd('b')] }))
  await commit(table, append({ base, adds: [someAdd('c')] }))
  const compacted = await commit(table, {
    base,
    mode: 'compaction',
    operation: 'OPTIMIZE',
    removes: ['a', 'b'],
    adds: [someAdd('ab')],
  })
  expect([...compacted.files.keys()]).toEqual(['c', 'ab'])
  expect(compacted.files.get('ab')!.dataChange).toBe(false)
  expect(compacted.tombstones.get('a')!.dataChange).toBe(false)
})

test('columns may come, in the commit of the first rows that have them', async () => {
  await using table = await tempTable()
  const base = await commit(table, append({ metaData: { fields: someFields, configuration: { 'cdc.primaryKey': '["id"]' } } }))
  const wider = [...someFields, field('email', 'string')]
  const next = await commit(table, append({ base, metaData: { fields: wider }, adds: [someAdd('a')] }))
  expect(next.fields.map(({ name }) => name)).toEqual(['id', 'name', 'email'])
  expect(next.metaData.id).toBe(base.metaData.id)
  expect(next.metaData.configuration).toMatchObject({ 'cdc.primaryKey': '["id"]', 'delta.checkpointInterval': '50' })
})

test('an append that raced a new column goes on if its own columns still fit', async () => {
  await using table = await tempTable()
  const base = await commit(table, append())
  await commit(table, append({ base, metaData: { fields: [...someFields, field('email', 'string')] } }))
  const late = await commit(table, append({ base, adds: [someAdd('narrow')] }))
  expect(late.fields).toHaveLength(3)
  const other = append({ base, metaData: { fields: [...someFields, field('phone', 'string')] }, adds: [someAdd('other')] })
  await expect(commit(table, other)).rejects.toMatchObject({ code: 'LAKE_CONFLICT', retryable: true })
})

test('a merge that raced a new column plans anew', async () => {
  await using table = await tempTable()
  const base = await commit(table, append())
  await commit(table, append({ base, metaData: { fields: [...someFields, field('email', 'string')] } }))
  await expect(commit(table, { base, mode: 'merge', operation: 'MERGE', adds: [someAdd('x')] })).rejects.toMatchObject({
    retryable: true,
  })
})

test.each([
  ['a dropped column', [field('id', 'long')]],
  ['another type', [field('id', 'string'), field('name', 'string')]],
])('%s is refused outside an overwrite', async (_, fields) => {
  await using table = await tempTable()
  const base = await commit(table, append())
  await expect(commit(table, append({ base, metaData: { fields } }))).rejects.toMatchObject({ code: 'LAKE_SCHEMA_CHANGE' })
  const rewritten = await commit(table, append({ base, mode: 'overwrite', metaData: { fields } }))
  expect(rewritten.fields).toEqual(fields)
})

test.each([
  ['no columns', undefined, 'LAKE_SCHEMA_INVALID'],
  ['names that differ in case only', { fields: [field('a', 'long'), field('A', 'long')] }, 'LAKE_SCHEMA_INVALID'],
  ['a name readers refuse', { fields: [field('a b', 'long')] }, 'LAKE_SCHEMA_INVALID'],
  ['a partition column that is not there', { fields: someFields, partitionColumns: ['day'] }, 'LAKE_SCHEMA_INVALID'],
])('a new table with %s is refused', async (_, metaData, code) => {
  await using table = await tempTable()
  const { metaData: _default, ...rest } = append()
  await expect(commit(table, metaData ? { ...rest, metaData } : rest)).rejects.toMatchObject({ code })
  expect(await objects(table.store, 'silver/')).toEqual([])
})

test('twenty lost races are enough', async () => {
  await using table = await tempTable()
  const base = await commit(table, append())
  let ahead = base
  // A rival that is always first, each time with a commit of its own.
  const store = wrapped(table.store, {
    async putIfAbsent(path, bytes) {
      ahead = await commit(table, append({ base: ahead, adds: [someAdd(`rival-${ahead.version}`)] }))
      return table.store.putIfAbsent(path, bytes)
    },
  })
  await expect(commit({ store, path: table.path }, append({ base, adds: [someAdd('x')] }))).rejects.toMatchObject({
    code: 'LAKE_CONFLICT',
    retryable: true,
  })
  expect((await loadSnapshot(table))!.files.has('x')).toBe(false)
}, 30_000)

/** The real store with one call changed: what a network does to a request. */
function wrapped(store: ObjectStore, changes: Partial<ObjectStore>): ObjectStore {
  return new Proxy(store, { get: (target, name) => Reflect.get(changes, name) ?? bound(target, name) })
}

function bound(target: ObjectStore, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name, target)
  return typeof value === 'function' ? value.bind(target) : value
}

const lost = () => new StoreError('STORE_UNREACHABLE', 'the answer was lost', { retryable: true })

test('the put landed and its answer was lost: the commit is recognised as ours', async () => {
  await using table = await tempTable()
  const store = wrapped(table.store, {
    async putIfAbsent(path, bytes) {
      await table.store.putIfAbsent(path, bytes)
      throw lost()
    },
  })
  const snapshot = await commit({ store, path: table.path }, append({ adds: [someAdd('a')] }))
  expect(snapshot.version).toBe(0)
  expect(await objects(table.store, 'silver/')).toHaveLength(1)
})

test('the client repeated its own put and was told that something is there: still ours', async () => {
  await using table = await tempTable()
  const store = wrapped(table.store, {
    async putIfAbsent(path, bytes) {
      await table.store.putIfAbsent(path, bytes)
      return table.store.putIfAbsent(path, bytes)
    },
  })
  const base = await commit({ store, path: table.path }, append())
  const next = await commit(
    { store, path: table.path },
    append({ base, adds: [someAdd('a')], txns: [{ appId: 'p', version: 1n }] }),
  )
  expect(next.version).toBe(1)
  expect(await objects(table.store, 'silver/')).toHaveLength(2)
})

test('the put was lost on its way: it is sent again, to the same version', async () => {
  await using table = await tempTable()
  let failures = 2
  const store = wrapped(table.store, {
    async putIfAbsent(path, bytes) {
      if (failures-- > 0) throw lost()
      return table.store.putIfAbsent(path, bytes)
    },
  })
  expect((await commit({ store, path: table.path }, append())).version).toBe(0)
})

test('an answer lost while another writer won: the loser goes behind, once', async () => {
  await using table = await tempTable()
  const base = await commit(table, append())
  let first = true
  const store = wrapped(table.store, {
    async putIfAbsent(path, bytes) {
      if (!first) return table.store.putIfAbsent(path, bytes)
      first = false
      await commit(table, append({ base, adds: [someAdd('rival')] }))
      throw lost()
    },
  })
  const late = await commit({ store, path: table.path }, append({ base, adds: [someAdd('late')] }))
  expect([late.version, ...late.files.keys()]).toEqual([2, 'rival', 'late'])
})

test('a store that never answers clearly: the outcome is unknown, and that is said', async () => {
  await using table = await tempTable()
  const store = wrapped(table.store, { putIfAbsent: () => Promise.reject(lost()) })
  await expect(commit({ store, path: table.path }, append())).rejects.toMatchObject({
    code: 'LAKE_COMMIT_UNKNOWN',
    retryable: true,
  })
})

test('a refusal that is final is passed on at once', async () => {
  await using table = await tempTable()
  let calls = 0
  const store = wrapped(table.store, {
    putIfAbsent() {
      calls++
      return Promise.reject(new StoreError('STORE_FULL', 'full', { retryable: true }))
    },
  })
  await expect(commit({ store, path: table.path }, append())).rejects.toMatchObject({ code: 'STORE_FULL' })
  expect(calls).toBe(1)
})

test('a table for new rows only takes them, and is compacted, but nothing is replaced', async () => {
  await using table = await tempTable()
  const metaData = { fields: someFields, configuration: { 'delta.appendOnly': 'true' } }
  let base = await commit(table, append({ metaData, adds: [someAdd('a')] }))
  base = await commit(table, append({ base, adds: [someAdd('b')] }))
  base = await commit(table, { base, mode: 'compaction', operation: 'OPTIMIZE', removes: ['a', 'b'], adds: [someAdd('ab')] })
  for (const mode of ['merge', 'overwrite'] as const) {
    const options = { base, mode, operation: 'WRITE', removes: ['ab'], adds: [someAdd('c')] }
    await expect(commit(table, options)).rejects.toMatchObject({ code: 'LAKE_UNSUPPORTED_TABLE' })
  }
  expect([...(await loadSnapshot(table))!.files.keys()]).toEqual(['ab'])
})

test('a file without the table’s partition values is refused', async () => {
  await using table = await tempTable()
  const metaData = { fields: someFields, partitionColumns: ['name'] }
  await expect(commit(table, append({ metaData, adds: [someAdd('a')] }))).rejects.toMatchObject({ code: 'LAKE_SCHEMA_INVALID' })
  expect((await commit(table, append({ metaData, adds: [someAdd('a', { partitionValues: { name: null } })] }))).version).toBe(0)
})

test('a base so old that its followers were cleaned away is not committed on', async () => {
  await using table = await tempTable()
  const zero = await commit(table, append())
  const one = await commit(table, append({ base: zero, adds: [someAdd('a')] }))
  await table.store.put(
    `${table.path}/_delta_log/_last_checkpoint`,
    Buffer.from(JSON.stringify({ version: one.version, size: 4 })),
  )
  await table.store.delete(`${table.path}/_delta_log/00000000000000000001.json`)
  const asleep = { ...zero, timestamp: Date.now() - 2 * 86_400_000 }
  await expect(commit(table, append({ base: asleep, adds: [someAdd('b')] }))).rejects.toMatchObject({
    code: 'LAKE_CONFLICT',
    retryable: true,
  })
})
