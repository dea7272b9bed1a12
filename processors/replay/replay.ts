// Replay: silver, history and gold built anew from bronze, under the policy as it is now.
// Guarantee: readers see the old table or the new one; a table that cannot be rebuilt keeps what it has.

import { each } from '../../lake/each.ts'
import { factsOf } from '../../lake/facts.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { compileMask, type MaskPlan } from '../../privacy/mask.ts'
import { isDebeziums } from '../bronze-names.ts'
import type { Context } from '../context.ts'
import { refreshGold } from '../gold.ts'
import { tableCodes } from '../halts.ts'
import { isPlumbing } from '../plumbing.ts'
import type { SourceTable } from '../source-schema.ts'
import { SourceSchemas } from '../source-schemas.ts'
import { nameOf } from '../table-name.ts'
import { type FoundKey, findKey } from './find-key.ts'
import { planReplay, type ReplayPlan } from './replay-plan.ts'
import { type Replayed, replayTable } from './replay-table.ts'

export interface ReplayOptions extends Context {
  /** `table` or `database.table`; default: all. */
  tables?: readonly string[]
  /** True: only compare, nothing is changed. */
  proveOnly: boolean
  /** How many differing rows of a table to name. */
  examples: number
  /** Bronze rows of the tail taken in one step. */
  maxRows: number
  /** Stops between two tables. */
  signal: AbortSignal
  /** Hears how many bronze rows of all have been dealt with. */
  onProgress?: (rows: number, all: number) => void
}

/** A table was named that bronze does not have. */
export class ReplayUnknownTable extends Error {
  readonly code = 'REPLAY_UNKNOWN_TABLE'
  readonly retryable = false
}

/** Rebuilds or proves the tables one after the other, then refreshes gold. Throws ReplayUnknownTable, and what stops all of them. */
export async function replay(options: ReplayOptions): Promise<Replayed[]> {
  const { duck, lake, gold, log, signal, proveOnly } = options
  const replayed: Replayed[] = []
  const chosen = await chooseTables(options, options.tables)
  const sizes = await each(chosen, 8, async ({ schema }) => {
    const bronze = await lake.current(tablePath('bronze', schema))
    return bronze ? factsOf(bronze).rows : 0
  })
  const all = sizes.reduce((sum, rows) => sum + rows, 0)
  let before = 0
  const schemas = new SourceSchemas(duck, lake, options.schemaModes)
  for (const [index, named] of chosen.entries()) {
    signal.throwIfAborted()
    // It may have changed since: others before it took their time.
    const schema = (await schemas.get(named.schema)) ?? named.schema
    const mask = compileMask(options.policy, schema, options.keys)
    const onStep = (part: number) => options.onProgress?.(Math.round(before + part * sizes[index]!), all)
    const done = await replayTable(duck, { ...options, schema, mask, onStep }).catch((error: unknown) => {
      // One table that cannot go on leaves the others alone; asked for by itself, it is the error.
      if (chosen.length === 1 || !stopsOne(error)) throw error
      log.warn({ table: nameOf(schema), code: error.code }, error.message)
      return { table: nameOf(schema), changes: 0, bronzeVersion: -1, verdict: 'failed', reason: error.message } as const
    })
    before += sizes[index]!
    if (done) replayed.push(done)
  }
  signal.throwIfAborted()
  if (!proveOnly) await refreshGold({ duck, lake, models: gold, log, ...wholeOnly(options) })
  return replayed
}

function wholeOnly({ transactions }: Context): Pick<Context, 'transactions'> {
  return transactions ? { transactions } : {}
}

function stopsOne(error: unknown): error is Error & { code: string } {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return tableCodes.has(code) || code === 'LAKE_CONFLICT'
}

/** What `replay` would do. Throws ReplayUnknownTable, and what stops a single table. */
export async function planReplays(context: Context, tables: readonly string[]): Promise<ReplayPlan[]> {
  const { lake, gold, log } = context
  const plans: ReplayPlan[] = []
  for (const chosen of await chooseTables(context, tables)) {
    const plan = await planReplay({ ...chosen, lake, gold, log })
    if (plan) plans.push(plan)
  }
  return plans
}

/** The keys that a token of a finding stands for, in the named tables or all. */
export async function findKeys(
  context: Context,
  { tables, token }: { tables: readonly string[]; token: string },
): Promise<FoundKey[]> {
  const { duck, lake, keys, log } = context
  const found: FoundKey[] = []
  for (const chosen of await chooseTables(context, tables))
    found.push(...(await findKey(duck, { ...chosen, lake, keys, log }, token)))
  return found
}

/** The named tables, or all that can be in silver, each with its masks. Throws ReplayUnknownTable. */
export async function chooseTables(
  { duck, lake, policy, keys, log, schemaModes }: Context,
  names: readonly string[] | undefined,
): Promise<{ schema: SourceTable; mask: MaskPlan }[]> {
  const chosen = await choose(new SourceSchemas(duck, lake, schemaModes), lake, names)
  return chosen.flatMap(schema => {
    const mask = compileMask(policy, schema, keys)
    const left = mask.omitted
    if (left === undefined || names?.length) return [{ schema, mask }]
    // Nobody misses the connector's own tables there.
    if (!isPlumbing(schema)) log.warn({ table: nameOf(schema) }, `not in silver: ${left}`)
    return []
  })
}

/** The tables that bronze has, or of these the named ones. Those that the policy leaves out are no error unless named. */
async function choose(schemas: SourceSchemas, lake: Lakehouse, names: readonly string[] | undefined): Promise<SourceTable[]> {
  const held = (await lake.bronzeTables()).map(({ name }) => name).filter(name => !isDebeziums(name))
  const all = (await schemas.all()).filter(schema =>
    held.some(({ database, table }) => database === schema.database && table === schema.table),
  )
  if (!names || names.length === 0) return all
  const chosen = names.map(wanted => {
    const found = all.filter(schema => schema.table === wanted || nameOf(schema) === wanted)
    if (found.length === 1) return found[0]!
    const known = all.map(nameOf).join(', ') || 'none'
    throw new ReplayUnknownTable(
      found.length === 0
        ? `bronze has no table ${wanted}; it has: ${known}`
        : `${wanted} is in several databases: say ${found.map(nameOf).join(' or ')}`,
    )
  })
  return [...new Set(chosen)]
}
