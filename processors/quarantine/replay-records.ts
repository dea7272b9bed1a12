// What `binlake quarantine replay` does: records into bronze, their keys into silver, and gold after them.
// Guarantee: silver is brought on by the line's own steps, so that a worker that runs beside it may do the same.
import { compileMask } from '../../privacy/mask.ts'
import type { Context } from '../context.ts'
import { refreshGold } from '../gold.ts'
import { tableCodes } from '../halts.ts'
import { refine } from '../refine.ts'
import { SourceSchemas } from '../source-schemas.ts'
import { nameOf } from '../table-name.ts'
import { QuarantineUnknown, quarantineTable } from './chosen.ts'
import { type Mended, type MendOptions, mend } from './mend.ts'

export interface ReplayedRecords extends Mended {
  /** Why silver does not take them yet; absent: it has. */
  waits?: { code: string; reason: string }
}

/** Replays the chosen records of one table. Throws QuarantineUnknown, MendRefused, and what stops all tables. */
export async function replayRecords(
  context: Context,
  options: MendOptions & { table: string; maxRows: number; quarantineBudget: number },
): Promise<ReplayedRecords> {
  const { duck, lake, policy, keys, gold, log } = context
  const { table, maxRows, quarantineBudget, ...choice } = options
  const name = await quarantineTable(lake, table)
  const schema = await new SourceSchemas(duck, lake).get(name)
  if (!schema)
    throw new QuarantineUnknown(
      `${nameOf(name)}: no schema change has told of this table, so its records cannot be read again; they can only be dropped`,
    )
  const way = { lake, log, schema, mask: compileMask(policy, schema, keys) }
  const mended = await mend(duck, way, choice)
  try {
    while ((await refine(duck, { ...way, maxRows, quarantineBudget }))?.more);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (!tableCodes.has(code)) throw error
    return { ...mended, waits: { code, reason: (error as Error).message } }
  }
  await refreshGold({ duck, lake, models: gold, log })
  return mended
}
