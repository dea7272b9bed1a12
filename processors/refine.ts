// One table's way from bronze to silver: new bronze versions are typed, masked, collapsed and merged.
// Guarantee: silver is a function of bronze and the policy; a step repeated after a crash gives the same result once.

import { ConflictError } from '../lake/conflict.ts'
import type { Duck } from '../lake/duckdb.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { apply, type Way } from './apply.ts'
import { otherwiseMasked } from './mask-record.ts'
import { nextFiles } from './next-files.ts'
import { openTable } from './open-table.ts'
import { TableHalted } from './order/collapse.ts'
import { refuseOverBudget } from './quarantine/budget.ts'
import { remakeKeys } from './quarantine/remake-keys.ts'
import { allWait } from './schema/hold.ts'
import { rebuildOutgrown } from './schema/rebuild-outgrown.ts'
import { mergeSilver } from './silver.ts'
import type { SilverTables } from './silver-parts.ts'
import { applySweep } from './snapshots/apply-sweep.ts'
import { nameOf } from './table-name.ts'

export interface Refinement extends Way {
  /** Bronze rows taken in one step; bounds memory. A single bronze commit is never split. */
  maxRows: number
  /** The last bronze version to take; absent: the newest. */
  upTo?: number
}

export interface Refined {
  /** The bronze version silver has taken now. */
  version: number
  /** Changes applied. */
  rows: number
  /** Whether bronze holds more. */
  more: boolean
}

const triesOnConflict = 5

/** One step. Undefined: silver is up to date with bronze. */
export async function refine(duck: Duck, options: Refinement): Promise<Refined | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return await step(duck, options)
    } catch (error) {
      if (!(error instanceof ConflictError && error.retryable) || tries === triesOnConflict) throw error
      options.log.info({ table: nameOf(options.schema), tries }, 'another writer was first; planning the merge anew')
    }
  }
}

async function step(duck: Duck, options: Refinement): Promise<Refined | undefined> {
  const { lake, schema, mask } = options
  const open = await openTable(options)
  if (!open) return undefined
  const { bronze, tables } = open
  const rebuilt = await rebuildOutgrown(duck, options, { bronze, tables, upTo: options.upTo })
  if (rebuilt) return { ...rebuilt, more: rebuilt.version < bronze.version }
  refuseOtherPolicy(tables, options)
  refuseOtherKey(tables, options)
  refuseBehind(tables, options)
  if (allWait(schema, tables.current, bronze)) return undefined
  await refuseOverBudget({ duck, lake }, schema, options.quarantineBudget)
  const { files, version, mend, sweep } = await nextFiles(lake, bronze, { tables, ...options })
  if (version === tables.taken.current) return undefined
  if (mend !== undefined) {
    const { rows } = await remakeKeys(duck, options, { bronze, tables, version, mend })
    options.log.info({ table: nameOf(schema), bronzeVersion: version, rows }, 'mended records taken into silver')
    return { version, rows, more: version < bronze.version }
  }
  const collapsed =
    sweep === undefined
      ? await apply(duck, options, { bronze, tables, files })
      : await applySweep(duck, options, { bronze, tables, sweep })
  const { rows } = await mergeSilver(duck, lake, {
    tables,
    mask,
    bronzeId: bronze.metaData.id,
    version,
    userMetadata: JSON.stringify({ bronzeVersion: version, ...collapsed }),
  })
  options.log.info({ table: nameOf(schema), bronzeVersion: version, rows, ...collapsed }, 'merged into silver')
  return { version, rows, more: version < bronze.version }
}

/** Silver built under one policy must not go on under another: old rows would keep what the new policy hides. */
export function refuseOtherPolicy(tables: SilverTables, { schema, mask }: Pick<Way, 'schema' | 'mask'>): void {
  // History may be a step ahead of silver after a crash, and holds as much.
  const changed = [tables.current, tables.history].flatMap(snapshot => otherwiseMasked(snapshot, mask, schema))
  if (changed.length > 0) {
    const name = nameOf(schema)
    throw new PolicyChanged(
      `${name}: silver was built under another policy or key version (columns ${[...new Set(changed)].join(', ')}); rebuild it with \`binlake replay ${name}\``,
    )
  }
}

/** Rows that are told apart in one way cannot be merged with rows that are told apart in another. */
function refuseOtherKey({ current }: SilverTables, { schema, mask }: Refinement): void {
  const [before, now] = [keyOf(current), JSON.stringify(mask.primaryKey)]
  if (before === undefined || before === now) return
  const name = nameOf(schema)
  throw new TableHalted(
    `${name}: its primary key changed from ${before} to ${now}, which no event tells of its rows; take a new snapshot of the table, then \`binlake replay ${name}\``,
  )
}

/** The key columns that a silver table was built with, as JSON. */
export function keyOf(silver: Snapshot | undefined): string | undefined {
  return silver?.metaData.configuration['cdc.primaryKey']
}

/** Each step moves history and markers first; where they lack what silver has, going on would leave a hole for ever. */
function refuseBehind({ taken: { current, history, deleted } }: SilverTables, { schema }: Refinement): void {
  if (Math.min(history, deleted) >= current) return
  const name = nameOf(schema)
  throw new TableHalted(
    `${name}: its history or its markers stand at an earlier bronze version (${Math.min(history, deleted)}) than silver (${current}); rebuild it with \`binlake replay ${name}\``,
  )
}

export class PolicyChanged extends Error {
  readonly code = 'POLICY_CHANGED'
  readonly retryable = false
}
