import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Commit, MetaData } from '../../../lake/actions.ts'
import { schemaString } from '../../../lake/schema.ts'
import { replay } from '../../../lake/snapshot.ts'
import { someAdd, someFields } from './temp-table.ts'

const protocol = { minReaderVersion: 1, minWriterVersion: 2 }
const metaData: MetaData = {
  id: 'i',
  format: { provider: 'parquet', options: {} },
  schemaString: schemaString(someFields),
  partitionColumns: [],
  configuration: {},
}
const first: Commit = { version: 0, protocol, metaData, commitInfo: { timestamp: 10 }, txns: [], removes: [], adds: [] }

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const body = fc
  .record({
    files: fc.uniqueArray(fc.record({ path: name, live: fc.boolean(), size: fc.nat() }), { selector: file => file.path }),
    txns: fc.uniqueArray(fc.record({ appId: name, version: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }) }), {
      selector: txn => txn.appId,
    }),
  })
  .map(({ files, txns }) => ({
    txns,
    removes: files.filter(file => !file.live).map(({ path }) => ({ path, dataChange: true, deletionTimestamp: 1 })),
    adds: files.filter(file => file.live).map(({ path, size }) => someAdd(path, { size })),
  }))
const history = fc
  .array(body, { maxLength: 30 })
  .map(bodies => [first, ...bodies.map((actions, i) => ({ version: i + 1, ...actions }))])

/** The reference: look for the last word on each name, from the end. */
function lastWord(commits: readonly Commit[]) {
  const back = commits.toReversed()
  const names = ['a', 'b', 'c', 'd', 'e']
  const last = (path: string) => back.flatMap(({ adds, removes }) => [...adds, ...removes]).find(action => action.path === path)
  return {
    files: names.map(last).filter(action => action !== undefined && 'modificationTime' in action),
    tombstones: names.map(last).filter(action => action !== undefined && !('modificationTime' in action)),
    txns: names
      .map(appId => back.flatMap(commit => commit.txns).find(txn => txn.appId === appId))
      .filter(txn => txn !== undefined),
  }
}

test('property: replaying gives the last word on every file and every txn', () => {
  fc.assert(
    fc.property(history, commits => {
      const snapshot = replay(undefined, commits)
      const expected = lastWord(commits)
      expect(new Set(snapshot.files.values())).toEqual(new Set(expected.files))
      expect(new Set(snapshot.tombstones.values())).toEqual(new Set(expected.tombstones))
      expect(new Map(snapshot.txns)).toEqual(new Map(expected.txns.map(({ appId, version }) => [appId, version])))
      expect(snapshot.version).toBe(commits.length - 1)
    }),
  )
})

test('property: replaying in two steps is replaying at once, and leaves the first snapshot as it was', () => {
  fc.assert(
    fc.property(history, fc.nat(30), (commits, cut) => {
      const half = Math.max(1, Math.min(cut, commits.length))
      const base = replay(undefined, commits.slice(0, half))
      const before = structuredClone(base)
      expect(replay(base, commits.slice(half))).toEqual(replay(undefined, commits))
      expect(base).toEqual(before)
    }),
  )
})

test('a gap in the versions is refused', () => {
  expect(() => replay(undefined, [first, { ...first, version: 2 }])).toThrow(
    expect.objectContaining({ code: 'LAKE_CORRUPT_LOG' }),
  )
})

test('a log without protocol or metaData is refused', () => {
  const { protocol: _, ...bare } = first
  expect(() => replay(undefined, [bare])).toThrow(expect.objectContaining({ code: 'LAKE_CORRUPT_LOG' }))
  expect(() => replay(undefined, [])).toThrow(expect.objectContaining({ code: 'LAKE_CORRUPT_LOG' }))
})

test('a new metaData brings its fields; the time is the last one told', () => {
  const wider = { ...metaData, schemaString: schemaString([...someFields, { ...someFields[0]!, name: 'more' }]) }
  const snapshot = replay(undefined, [first, { version: 1, metaData: wider, txns: [], removes: [], adds: [] }])
  expect(snapshot.fields.map(field => field.name)).toEqual(['id', 'name', 'more'])
  expect(snapshot.timestamp).toBe(10)
})

test('tombstones are forgotten some time after the retention, those of files that came back at once', () => {
  const day = 86_400_000
  const metaData = { ...first.metaData!, configuration: { 'delta.deletedFileRetentionDuration': 'interval 1 day' } }
  let snapshot = replay(undefined, [{ ...first, metaData }])
  for (let version = 1; version <= 1_000; version++) {
    const timestamp = version * (day / 100)
    const removes = [{ path: `f${version}`, deletionTimestamp: timestamp, dataChange: true }]
    snapshot = replay(snapshot, [{ version, commitInfo: { timestamp }, txns: [], removes, adds: [] }])
  }
  expect(Math.max(...[...snapshot.tombstones.keys()].map(path => Number(path.slice(1))))).toBe(1_000)
  expect(Math.min(...[...snapshot.tombstones.keys()].map(path => Number(path.slice(1))))).toBe(900)
})
