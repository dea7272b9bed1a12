import { describe, expect, test } from 'vitest'
import type { Commit } from '../../../lake/actions.ts'
import { type CommitMode, judge } from '../../../lake/conflict.ts'
import { someAdd } from './temp-table.ts'

const nothing: Commit = { version: 8, txns: [], removes: [], adds: [] }
const metaData = {
  id: 'i',
  format: { provider: 'parquet', options: {} },
  schemaString: '{}',
  partitionColumns: [],
  configuration: {},
}

/** lake-spec §3.9, row by row: what the winner did, and the verdict for append, merge, compaction, overwrite. */
const matrix: [string, Partial<Commit>, [string, string, string, string]][] = [
  ['changed the protocol', { protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, ['abort', 'abort', 'abort', 'abort']],
  ['changed the schema', { metaData }, ['rebase', 'replan', 'replan', 'abort']],
  ['moved the txn we move', { txns: [{ appId: 'ours', version: 2n }] }, ['fenced', 'abort', 'abort', 'abort']],
  ['removed a file we remove', { removes: [{ path: 'mine', dataChange: true }] }, ['replan', 'replan', 'replan', 'abort']],
  ['removed another file', { removes: [{ path: 'other', dataChange: true }] }, ['rebase', 'rebase', 'rebase', 'abort']],
  ['added rows', { adds: [someAdd('new')] }, ['rebase', 'replan', 'rebase', 'abort']],
  ['compacted other files', { adds: [someAdd('new', { dataChange: false })] }, ['rebase', 'rebase', 'rebase', 'abort']],
  ["moved another's txn", { txns: [{ appId: 'theirs', version: 2n }] }, ['rebase', 'rebase', 'rebase', 'abort']],
]
const modes: CommitMode[] = ['append', 'merge', 'compaction', 'overwrite']

for (const [deed, actions, verdicts] of matrix) {
  describe(`a winner that ${deed}`, () => {
    modes.forEach((mode, i) => {
      test(`${mode}: ${verdicts[i]}`, () => {
        const verdict = judge({ mode, appIds: new Set(['ours']), removes: new Set(['mine']) }, { ...nothing, ...actions })
        expect(verdict.outcome).toBe(verdicts[i])
      })
    })
  })
}

test('the commit that makes the table holds a protocol and still lets an append follow', () => {
  const made = { ...nothing, version: 0, protocol: { minReaderVersion: 1, minWriterVersion: 2 }, metaData }
  expect(judge({ mode: 'append', appIds: new Set(), removes: new Set() }, made).outcome).toBe('rebase')
})
