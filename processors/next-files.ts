// Which files of bronze a table's next step takes: those of whole commits, as many as memory is to bear.
// Guarantee: a bronze version is taken whole or not at all, and one that history has taken already is taken alone.
import type { Add, Commit } from '../lake/actions.ts'
import { each } from '../lake/each.ts'
import { sizeOf } from '../lake/facts.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { tablePath } from '../lake/layout.ts'
import { readCommit } from '../lake/log.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { TableHalted } from './order/collapse.ts'
import { mendAppId } from './quarantine/mends.ts'
import type { SilverTables } from './silver-parts.ts'
import { sweepOf } from './snapshots/sweep-decision.ts'

/**
 * The data files of the bronze versions to take next: at most `maxRows`, or half as many more if that is all there is.
 * A version that history has taken already, before a crash, is taken alone.
 */
export async function nextFiles(
  lake: Lakehouse,
  bronze: Snapshot,
  options: { tables: SilverTables; maxRows: number /** The last version to take; absent: bronze's newest. */; upTo?: number },
): Promise<{ files: Add[]; version: number; mend?: string; sweep?: string }> {
  const { current: from, history, deleted } = options.tables.taken
  const ahead = Math.max(history, deleted)
  const last = ahead > from ? ahead : Math.min(bronze.version, options.upTo ?? bronze.version)
  const enough = ahead > from ? Number.POSITIVE_INFINITY : options.maxRows
  const found = await newRows(lake, tablePath('bronze', options.tables.name), { from, last, enough: enough * 1.5 })
  // A mend is carried out in its own way and alone, in its turn (quarantine/remake-keys.ts).
  const [first] = found
  if (first?.mend !== undefined) return { files: first.files, version: first.version, mend: first.mend }
  // So is a sweep (snapshots/apply-sweep.ts).
  if (first?.sweep !== undefined) return { files: [], version: first.version, sweep: first.sweep }
  const alone = found.findIndex(step => step.mend !== undefined || step.sweep !== undefined)
  const steps = alone < 0 ? found : found.slice(0, alone)
  const all = steps.reduce((sum, { rows }) => sum + rows, 0) <= enough * 1.5
  let rows = 0
  const taken = steps.filter(step => {
    rows += step.rows
    return all || rows <= enough || rows === step.rows
  })
  return { files: taken.flatMap(({ files }) => files), version: taken.at(-1)?.version ?? from }
}

/** The data files of all bronze versions after those that silver has taken. */
export async function filesAfter(lake: Lakehouse, bronze: Snapshot, tables: SilverTables, taken: number): Promise<Add[]> {
  const files: Add[] = []
  for (let from = taken; from < bronze.version; ) {
    const stands = { ...tables, taken: { current: from, history: from, deleted: from } }
    const next = await nextFiles(lake, bronze, { tables: stands, maxRows: Number.POSITIVE_INFINITY })
    files.push(...next.files)
    if (next.version === from) break
    from = next.version
  }
  return files
}

interface Step {
  version: number
  files: Add[]
  rows: number
  /** The decision that this version carries out. */
  mend?: string
  sweep?: string
}

function mendOf({ txns, commitInfo }: Commit): string | undefined {
  if (!txns.some(({ appId }) => appId === mendAppId)) return undefined
  return (JSON.parse(commitInfo?.userMetadata ?? '{}') as { mend?: string }).mend ?? ''
}

/** What each bronze version after `from` added, up to `last`, or until there are more than `enough` rows. */
async function newRows(
  lake: Lakehouse,
  path: string,
  { from, last, enough }: { from: number; last: number; enough: number },
): Promise<Step[]> {
  const steps: Step[] = []
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
      const mend = mendOf(commit)
      const sweep = sweepOf(commit)
      steps.push({
        version: commit.version,
        files,
        rows: count,
        ...(mend === undefined ? {} : { mend }),
        ...(sweep === undefined ? {} : { sweep }),
      })
      rows += count
    }
  }
  return steps
}
