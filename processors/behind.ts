// How many commits of bronze silver has yet to take, those of maintenance left out.
import { each } from '../lake/each.ts'
import { readCommit } from '../lake/log.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import type { Table } from '../lake/table.ts'

/** Beyond this many, a few that maintenance made do not matter. */
const counted = 64

/** Commits after version `taken` that brought rows or moved offsets; if they are many, all of them. */
export async function commitsBehind(table: Table, bronze: Snapshot, taken: number): Promise<number> {
  const behind = bronze.version - taken
  if (behind <= 0 || behind > counted) return Math.max(0, behind)
  const versions = Array.from({ length: behind }, (_, i) => taken + 1 + i)
  const commits = await each(versions, 16, version => readCommit(table, version))
  return commits.filter(commit => !commit || commit.txns.length > 0 || commit.adds.some(add => add.dataChange)).length
}
