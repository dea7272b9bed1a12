// Which versions of a table's three silver tables a rollback puts back, and whether it may.
// Guarantee: fails closed; a version that the policy would not make as it is now, or of which a file is gone, does not come back.

import { each } from '../../lake/each.ts'
import { goneFiles } from '../../lake/gone-files.ts'
import { LakeError } from '../../lake/lake-error.ts'
import { tablePath } from '../../lake/layout.ts'
import { loadSnapshot } from '../../lake/log.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import type { Table } from '../../lake/table.ts'
import { versionAt } from '../../lake/travel.ts'
import type { Way } from '../apply.ts'
import { unlikePlan } from '../mask-record.ts'
import { filesAfter } from '../next-files.ts'
import { openBronze } from '../open-table.ts'
import { TableHalted } from '../order/collapse.ts'
import { paths } from '../silver-parts.ts'
import { nameOf } from '../table-name.ts'
import { asTaken, takenBy } from '../taken.ts'
import { beforeRebuild } from './before-rebuild.ts'
import { type PartName, partNames } from './build-aside.ts'

export class RollbackRefused extends Error {
  readonly code: 'ROLLBACK_NOTHING' | 'ROLLBACK_GONE' | 'ROLLBACK_POLICY'
  readonly retryable = false
  constructor(code: RollbackRefused['code'], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'RollbackRefused'
    this.code = code
  }
}

export interface RollbackPlan {
  targets: Record<PartName, Snapshot>
  bronzeId: string
  /** The bronze version that all three have taken. */
  taken: number
}

type Targets = RollbackPlan['targets']

/** Undefined: the table was not named and never rebuilt. */
export async function planRollback(
  way: Way,
  { to, named }: { to: number | Date | undefined; named: boolean },
): Promise<RollbackPlan | undefined> {
  const bronze = await openBronze(way)
  if (!bronze) return undefined
  const at = paths(way.schema)
  const live = await each(partNames, 3, part => way.lake.current(at[part]))
  if (live.includes(undefined) || (to === undefined && !live.some(beforeRebuild))) {
    if (!named) return undefined
    throw new RollbackRefused('ROLLBACK_NOTHING', `${nameOf(way.schema)}: it was never rebuilt, so there is nothing to put back`)
  }
  const bronzeId = bronze.metaData.id
  const targets = await findTargets(way, live as Snapshot[], { bronzeId, to })
  const taken = takenBy(targets.current, bronzeId)
  for (const part of partNames) {
    const unlike = unlikePlan(targets[part], way.mask)
    if (unlike.length > 0) {
      throw new RollbackRefused(
        'ROLLBACK_POLICY',
        `${at[part]}: version ${targets[part].version} was built under another policy or key (${unlike.join(', ')}), and may show what the policy now hides; ` +
          'put the policy of that time back first, if that is what you want',
      )
    }
    await requireFiles(way, at[part], targets[part])
  }
  await requireTail(way, bronze, taken)
  return { targets, bronzeId, taken }
}

/** The three versions that belong together: each has taken bronze as far as the others. */
async function findTargets(
  { lake, schema }: Way,
  live: readonly Snapshot[],
  { bronzeId, to }: { bronzeId: string; to: number | Date | undefined },
): Promise<Targets> {
  const at = paths(schema)
  const [history, deleted, current] = live as [Snapshot, Snapshot, Snapshot]
  try {
    const wanted = to === undefined ? undefined : await versionOf(lake.table(at.current), to)
    const then = wanted === undefined ? await replaced(lake.table(at.current), current, history) : wanted
    const start: Targets = { current: then, history, deleted }
    for (const part of ['history', 'deleted'] as const) {
      const newest = live[partNames.indexOf(part)]!
      // History and markers as they stood when silver did so; what they took since is taken off below.
      start[part] =
        to === undefined
          ? await replaced(lake.table(at[part]), newest, history)
          : await versionOf(lake.table(at[part]), new Date(then.timestamp))
    }
    const taken = Math.min(...partNames.map(part => takenBy(start[part], bronzeId)))
    for (const part of partNames) {
      const target = await asTaken(lake, at[part], start[part], { bronzeId, taken })
      if (!target || takenBy(target, bronzeId) !== taken)
        throw new LakeError('LAKE_VERSION_GONE', `${at[part]}: no version stands at bronze version ${taken}`)
      start[part] = target
    }
    return start
  } catch (cause) {
    if (!(cause instanceof LakeError && cause.code === 'LAKE_VERSION_GONE')) throw cause
    throw new RollbackRefused('ROLLBACK_GONE', `${cause.message}; \`binlake replay\` builds the table from bronze`, { cause })
  }
}

/** What the last rebuild of the three tables replaced; a table that it did not come to stays as it is. */
async function replaced(table: Table, live: Snapshot, history: Snapshot): Promise<Snapshot> {
  const before = beforeRebuild(live)
  if (!before || before.id !== beforeRebuild(history)?.id) return live
  return (await loadSnapshot(table, { version: before.version }))!
}

async function versionOf(table: Table, to: number | Date): Promise<Snapshot> {
  const version = typeof to === 'number' ? to : await versionAt(table, to)
  return (await loadSnapshot(table, { version: version! }))!
}

async function requireFiles({ lake }: Way, path: string, target: Snapshot): Promise<void> {
  const live = (await lake.current(path))!
  const away = [...target.files.keys()].filter(file => !live.files.has(file))
  const { length: gone } = await goneFiles(lake.table(path), away)
  if (gone === 0) return
  throw new RollbackRefused(
    'ROLLBACK_GONE',
    `${path}: ${gone} of the ${target.files.size} files of version ${target.version} were vacuumed; \`binlake replay\` builds the table from bronze`,
  )
}

/** What bronze took since must still be there, commit by commit, for the next run to bring the tables up to date. */
async function requireTail({ lake, schema }: Way, bronze: Snapshot, taken: number): Promise<void> {
  const nothing = { current: undefined, history: undefined, deleted: undefined }
  const tables = { name: schema, key: [], ...nothing, taken: { current: -1, history: -1, deleted: -1 } }
  try {
    const files = await filesAfter(lake, bronze, tables, taken)
    const compacted = files.map(({ path }) => path).filter(path => !bronze.files.has(path))
    if ((await goneFiles(lake.table(tablePath('bronze', schema)), compacted)).length === 0) return
  } catch (error) {
    if (!(error instanceof TableHalted)) throw error
  }
  throw new RollbackRefused(
    'ROLLBACK_GONE',
    `${schema.database}.${schema.table}: bronze's commits after version ${taken} are no longer there one by one, so the table could not be brought up to date again; use \`binlake replay\``,
  )
}
