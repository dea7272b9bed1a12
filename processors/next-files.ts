// Which files of bronze a table's next step takes: those of whole commits, as many as memory is to bear.
// Guarantee: a bronze version is taken whole or not at all, and one that history has taken already is taken alone.
import type { Add } from '../lake/actions.ts'
import { each } from '../lake/each.ts'
import { sizeOf } from '../lake/facts.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { tablePath } from '../lake/layout.ts'
import { readCommit } from '../lake/log.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { TableHalted } from './collapse.ts'
import type { SilverTables } from './silver-parts.ts'

/**
 * The data files of the bronze versions to take next: at most `maxRows`, or half as many more if that is all there is.
 * A version that history has taken already, before a crash, is taken alone.
 */
export async function nextFiles(
  lake: Lakehouse,
  bronze: Snapshot,
  options: { tables: SilverTables; maxRows: number },
): Promise<{ files: Add[]; version: number }> {
  const { current: from, history, deleted } = options.tables.taken
  const ahead = Math.max(history, deleted)
  const last = ahead > from ? ahead : bronze.version
  const enough = ahead > from ? Number.POSITIVE_INFINITY : options.maxRows
  const steps = await newRows(lake, tablePath('bronze', options.tables.name), { from, last, enough: enough * 1.5 })
  const all = steps.reduce((sum, { rows }) => sum + rows, 0) <= enough * 1.5
  let rows = 0
  const taken = steps.filter(step => {
    rows += step.rows
    return all || rows <= enough || rows === step.rows
  })
  return { files: taken.flatMap(({ files }) => files), version: taken.at(-1)?.version ?? from }
}

/** What each bronze version after `from` added, up to `last`, or until there are more than `enough` rows. */
async function newRows(
  lake: Lakehouse,
  path: string,
  { from, last, enough }: { from: number; last: number; enough: number },
): Promise<{ version: number; files: Add[]; rows: number }[]> {
  const steps: { version: number; files: Add[]; rows: number }[] = []
  let rows = 0
  const versions = Array.from({ length: last - from }, (_, i) => from + 1 + i)
  for (let at = 0; at < versions.length && rows <= enough; at += 64) {
    const commits = await each(versions.slice(at, at + 64), 16, version => readCommit(lake.table(path), version))
    for (const commit of commits) {
      if (!commit) {
        throw new TableHalted(
          `${path}: commits after version ${from} were cleaned from the log before silver took them; rebuild silver with \`binlake replay\``,
        )
      }
      const files = commit.adds.filter(add => add.dataChange)
      const count = sizeOf(files).rows
      steps.push({ version: commit.version, files, rows: count })
      rows += count
    }
  }
  return steps
}
