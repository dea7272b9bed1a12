import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Add, Commit } from '../../../lake/actions.ts'
import { type CommitMode, judge, type Ours, removedByBoth, type Verdict } from '../../../lake/conflict.ts'
import { someAdd } from './temp-table.ts'

const nothing: Commit = { version: 8, txns: [], removes: [], adds: [] }
const protocol = { minReaderVersion: 1, minWriterVersion: 2 }
const metaData = {
  id: 'i',
  format: { provider: 'parquet', options: {} },
  schemaString: '{}',
  partitionColumns: [],
  configuration: {},
}
const near = (add: Add) => add.path.startsWith('near')

/** What each kind of commit looks like when it loses: an append removes nothing, only a merge knows its keys, a compaction moves no progress. */
const ours: Record<CommitMode, Ours> = {
  append: { mode: 'append', appIds: new Set(['ours']), removes: new Set() },
  merge: { mode: 'merge', appIds: new Set(['ours']), removes: new Set(['mine']), overlaps: near },
  compaction: { mode: 'compaction', appIds: new Set(), removes: new Set(['mine']) },
  overwrite: { mode: 'overwrite', appIds: new Set(['ours']), removes: new Set(['mine']) },
}

type Row = Record<CommitMode, Verdict['outcome']>
const all = (outcome: Verdict['outcome']): Row => ({
  append: outcome,
  merge: outcome,
  compaction: outcome,
  overwrite: outcome,
})
const goesOn: Row = { ...all('rebase'), overwrite: 'abort' }

/** lake-spec §3.9, a row each: what the winner did, and what that means for each kind of loser. */
const matrix: [string, Partial<Commit>, Row][] = [
  ['changed the protocol', { protocol }, all('abort')],
  ['changed the columns or properties', { metaData }, { ...all('replan'), append: 'rebase', overwrite: 'abort' }],
  [
    'moved progress that the loser moves',
    { txns: [{ appId: 'ours', version: 2n }] },
    { append: 'fenced', merge: 'abort', compaction: 'rebase', overwrite: 'abort' },
  ],
  ['moved progress of another', { txns: [{ appId: 'theirs', version: 2n }] }, goesOn],
  [
    'removed a file that the loser removes',
    { removes: [{ path: 'mine', dataChange: true }] },
    { ...all('replan'), append: 'rebase', overwrite: 'abort' },
  ],
  [
    'compacted a file that the loser removes',
    { removes: [{ path: 'mine', dataChange: false }], adds: [someAdd('near', { dataChange: false })] },
    { ...all('replan'), append: 'rebase', overwrite: 'abort' },
  ],
  ['removed another file', { removes: [{ path: 'other', dataChange: true }] }, goesOn],
  ['added rows that may hold the loser’s keys', { adds: [someAdd('near')] }, { ...goesOn, merge: 'replan' }],
  ['added rows beside the loser’s keys', { adds: [someAdd('far')] }, goesOn],
  ['compacted other files', { adds: [someAdd('near', { dataChange: false })] }, goesOn],
  ['wrote nothing but its name', {}, goesOn],
]

for (const [deed, actions, row] of matrix) {
  describe(`a winner that ${deed}`, () => {
    for (const mode of Object.keys(row) as CommitMode[]) {
      test(`${mode}: ${row[mode]}`, () => expect(judge(ours[mode], { ...nothing, ...actions }).outcome).toBe(row[mode]))
    }
  })
}

test('a merge that does not know its keys is planned anew for any new rows', () => {
  const { overlaps: _, ...unknown } = ours.merge
  expect(judge(unknown, { ...nothing, adds: [someAdd('far')] }).outcome).toBe('replan')
})

test('an append that does remove a file does not remove it twice', () => {
  const odd = { ...ours.append, removes: new Set(['mine']) }
  expect(judge(odd, { ...nothing, removes: [{ path: 'mine', dataChange: true }] }).outcome).toBe('replan')
})

test('the commit that makes the table holds a protocol and still lets an append follow', () => {
  expect(judge(ours.append, { ...nothing, version: 0, protocol, metaData }).outcome).toBe('rebase')
})

test('of several actions the gravest decides', () => {
  const winner = { ...nothing, protocol, metaData, txns: [{ appId: 'ours', version: 2n }], adds: [someAdd('near')] }
  expect(judge(ours.append, winner).outcome).toBe('fenced')
  expect(judge(ours.merge, winner).outcome).toBe('abort')
})

test('what winners removed of ours is told, over all of them', () => {
  const removes = (...paths: string[]) => ({ ...nothing, removes: paths.map(path => ({ path, dataChange: false })) })
  const of = { removes: new Set(['a', 'b', 'c']) }
  expect(removedByBoth(of, [removes('a', 'x'), nothing, removes('c')])).toEqual(['a', 'c'])
})

test('property: whatever else the winner did, a verdict only gets graver', () => {
  const grave = { rebase: 0, replan: 1, abort: 2, fenced: 2 }
  const flag = fc.boolean()
  const deeds = fc.record({
    protocol: flag,
    metaData: flag,
    ours: flag,
    theirs: flag,
    mine: flag,
    other: flag,
    near: flag,
    far: flag,
  })
  const commitOf = (did: Record<string, boolean>): Commit => ({
    ...nothing,
    ...(did.protocol ? { protocol } : {}),
    ...(did.metaData ? { metaData } : {}),
    txns: ['ours', 'theirs'].filter(appId => did[appId]).map(appId => ({ appId, version: 2n })),
    removes: ['mine', 'other'].filter(path => did[path]).map(path => ({ path, dataChange: true })),
    adds: ['near', 'far'].filter(path => did[path]).map(path => someAdd(path)),
  })
  fc.assert(
    fc.property(fc.constantFrom(...(Object.keys(ours) as CommitMode[])), deeds, deeds, (mode, some, more) => {
      const both = Object.fromEntries(Object.entries(some).map(([deed, done]) => [deed, done || more[deed as keyof typeof more]]))
      const verdict = judge(ours[mode], commitOf(some)).outcome
      expect(grave[judge(ours[mode], commitOf(both)).outcome]).toBeGreaterThanOrEqual(grave[verdict])
    }),
  )
})
