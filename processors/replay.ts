// Replay: silver, history and gold built anew from bronze, under the policy as it is now.
// Guarantee: readers see the old table or the new one; a table that cannot be rebuilt keeps what it has.
import type { Logger } from 'pino'
import type { Duck } from '../lake/duckdb.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import type { Keys } from '../privacy/keys.ts'
import { compileMask } from '../privacy/mask.ts'
import type { Policy } from '../privacy/policy.ts'
import type { GoldModel } from '../sql/gold-models.ts'
import { isDebeziums } from './bronze-names.ts'
import { refreshGold } from './gold.ts'
import { rebuild } from './refine.ts'
import type { SourceTable } from './source-schema.ts'
import { SourceSchemas } from './source-schemas.ts'

export interface ReplayOptions {
  duck: Duck
  lake: Lakehouse
  policy: Policy
  keys: Keys
  gold: readonly GoldModel[]
  log: Logger
  /** `table` or `database.table`; default: all. */
  tables?: readonly string[]
  /** Stops between two tables. */
  signal: AbortSignal
  onTable?: (table: string, index: number, all: number) => void
}

export interface Replayed {
  table: string
  /** Changes that make up the table and its history. */
  changes: number
  /** The bronze version it now reflects. */
  bronzeVersion: number
}

/** A table was named that bronze does not have. */
export class ReplayUnknownTable extends Error {
  readonly code = 'REPLAY_UNKNOWN_TABLE'
  readonly retryable = false
}

/** Rebuilds the tables one after the other, then gold. Throws ReplayUnknownTable, and what stops a single table. */
export async function replay(options: ReplayOptions): Promise<Replayed[]> {
  const { duck, lake, policy, keys, gold, log, signal } = options
  const chosen = await choose(new SourceSchemas(duck, lake), lake, options.tables)
  const replayed: Replayed[] = []
  for (const [index, schema] of chosen.entries()) {
    signal.throwIfAborted()
    const table = nameOf(schema)
    options.onTable?.(table, index, chosen.length)
    const mask = compileMask(policy, schema, keys)
    const left = mask.omitted ?? (schema.primaryKey.length === 0 ? 'the table has no primary key' : undefined)
    if (left !== undefined && !options.tables?.length) {
      log.warn({ table }, `not in silver: ${left}`)
      continue
    }
    const done = await rebuild(duck, { lake, log, schema, mask })
    if (done) replayed.push({ table, changes: done.rows, bronzeVersion: done.version })
  }
  signal.throwIfAborted()
  await refreshGold({ duck, lake, models: gold, log })
  return replayed
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

function nameOf({ database, table }: SourceTable): string {
  return `${database}.${table}`
}
