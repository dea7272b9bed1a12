// What the last merges into a silver table rewrote, as its log tells: any process can know a table's merge interval.
// Guarantee: reads a few commits at most; a log that was cleaned tells less, never something wrong.
import { readCommit } from '../lake/log.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import type { Table } from '../lake/table.ts'

/** Merges that count, and commits looked at to find them: maintenance commits in between. */
const wanted = 4
const looked = 8

/** Bytes of the old files that each merge replaced, the newest merge first. */
export async function recentMerges(table: Table, snapshot: Snapshot): Promise<number[]> {
  const rewritten: number[] = []
  for (let version = snapshot.version; version >= 0 && version > snapshot.version - looked; version--) {
    const commit = await readCommit(table, version)
    // A rebuild replaces all and says nothing of merges; what was before it was another table.
    if (!commit || commit.commitInfo?.operation === 'REBUILD') break
    if (commit.commitInfo?.operation !== 'MERGE') continue
    rewritten.push(commit.removes.reduce((sum, { size = 0 }) => sum + size, 0))
    if (rewritten.length === wanted) break
  }
  return rewritten
}
