// Puts back a version of silver, history and markers that was there before: the one that the last rebuild replaced, or any still within retention.
// Guarantee: all tables are checked before the first is touched; the next run goes on from where the version put back had come.

import { randomUUID } from 'node:crypto'
import { commit } from '../../lake/commit.ts'
import { ConflictError } from '../../lake/conflict.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import type { Way } from '../apply.ts'
import type { Context } from '../context.ts'
import { refreshGold } from '../gold.ts'
import { paths } from '../silver-parts.ts'
import { nameOf } from '../table-name.ts'
import { takenBy } from '../taken.ts'
import { rememberBefore } from './before-rebuild.ts'
import { type PartName, partNames } from './build-aside.ts'
import { chooseTables } from './replay.ts'
import { planRollback, type RollbackPlan, RollbackRefused } from './rollback-plan.ts'

export interface RollbackOptions extends Context {
  /** `table` or `database.table`; default: every table that was rebuilt. */
  tables?: readonly string[]
  /** A version of `silver.<table>`, or a moment. Default: what the last rebuild replaced. */
  to?: number | Date
  signal: AbortSignal
}

export interface RolledBack {
  table: string
  /** The bronze version it reflects again; the next run goes on from there. */
  bronzeVersion: number
  /** Versions of the three tables whose content is back. */
  versions: Record<PartName, number>
}

/** Checks all tables first, then puts them back and refreshes gold. Throws RollbackRefused, ReplayUnknownTable, ConflictError. */
export async function rollback(options: RollbackOptions): Promise<RolledBack[]> {
  const { duck, lake, gold, log, signal } = options
  const plans: { way: Way; plan: RollbackPlan }[] = []
  for (const { schema, mask } of await chooseTables(options, options.tables)) {
    signal.throwIfAborted()
    const way = { lake, log, schema, mask }
    const plan = await planRollback(way, { to: options.to, named: (options.tables ?? []).length > 0 })
    if (plan) plans.push({ way, plan })
  }
  if (plans.length === 0) throw new RollbackRefused('ROLLBACK_NOTHING', 'no table was rebuilt, so there is nothing to put back')
  const done: RolledBack[] = []
  for (const { way, plan } of plans) {
    signal.throwIfAborted()
    await putBack(way, plan)
    const { targets, taken } = plan
    const versions = { history: targets.history.version, deleted: targets.deleted.version, current: targets.current.version }
    done.push({ table: nameOf(way.schema), bronzeVersion: taken, versions })
    log.info({ table: nameOf(way.schema), bronzeVersion: taken }, 'put an earlier version back')
  }
  await refreshGold({ duck, lake, models: gold, log, ...(options.transactions ? { transactions: options.transactions } : {}) })
  return done
}

/** Rivals may commit every few seconds. */
const rounds = 10

/** One commit a table. Backwards silver goes first and is sealed last, so that no merge under way lands on a history that lacks its changes. */
export async function putBack(way: Way, { targets, bronzeId, taken }: RollbackPlan): Promise<void> {
  const at = paths(way.schema)
  const id = randomUUID()
  const before = new Map<PartName, number>()
  for (let round = 1; ; round++) {
    try {
      const live = await way.lake.current(at.current)
      const backwards = takenBy(live, bronzeId) > taken
      const order: PartName[] = backwards ? ['current', 'deleted', 'history', 'current'] : [...partNames]
      for (const [step, part] of order.entries()) {
        const base = (await way.lake.current(at[part]))!
        // A merge has moved silver on in the meantime.
        if (step === 3 && takenBy(base, bronzeId) !== taken) throw new ConflictError(`${at[part]}: moved on`, true)
        if (!before.has(part)) before.set(part, base.version)
        await restore(way, targets[part], { base, path: at[part], before: { version: before.get(part), id } })
      }
      return
    } catch (error) {
      if (!(error instanceof ConflictError) || round === rounds) throw error
      way.log.info({ table: nameOf(way.schema), round }, 'another writer was first; putting the version back once more')
    }
  }
}

async function restore(
  { lake }: Way,
  target: Snapshot,
  { base, path, before }: { base: Snapshot; path: string; before: { version: number | undefined; id: string } },
): Promise<void> {
  const snapshot = await commit(lake.table(path), {
    base,
    mode: 'overwrite',
    operation: 'RESTORE',
    metaData: { fields: target.fields, configuration: { ...target.metaData.configuration, ...rememberBefore(before) } },
    txns: [...target.txns].map(([appId, version]) => ({ appId, version })),
    removes: [...base.files.keys()].filter(file => !target.files.has(file)),
    adds: [...target.files.values()].filter(file => !base.files.has(file.path)),
    userMetadata: JSON.stringify({ restored: target.version }),
  })
  lake.committed(path, snapshot)
}
