// Lets a table go on that halted at an event which no rule decides: from its place on, and in all other partitions, a new epoch (epochs.ts).
// Guarantee: the plan is a dry run and changes nothing; what is decided is part of bronze, so that a rebuild goes the same way.

import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { compileMask } from '../../privacy/mask.ts'
import { apply, type Way } from '../apply.ts'
import type { Context } from '../context.ts'
import { decideFor } from '../decisions.ts'
import { filesAfter, nextFiles } from '../next-files.ts'
import { openTable } from '../open-table.ts'
import { remakeKeys } from '../quarantine/remake-keys.ts'
import type { TableName } from '../source-schema.ts'
import { SourceSchemas } from '../source-schemas.ts'
import { nameOf } from '../table-name.ts'
import { type EpochDecision, epochDecisions, lifeOf } from './epochs.ts'
import { eventRows } from './event-rows.ts'
import { placesFrom, placesOfMended, type ResumePlace, rowColumns } from './resume-places.ts'
import { TableHalted } from './table-halted.ts'

/** There is nothing that this command could let go on. */
export class NothingToResume extends Error {
  readonly code = 'RESUME_NOTHING'
  readonly retryable = false
}

export interface ResumePlan {
  table: TableName
  decision: EpochDecision
  /** Why the table halted, as `run` says it. */
  reason: string
  /** Where the new epoch begins in each partition, in their order. */
  places: ResumePlace[]
  epoch: { before: number; after: number }
}

type ResumeContext = Pick<Context, 'duck' | 'lake' | 'policy' | 'keys' | 'log'>

/** Where the new epoch of a table (`orders` or `shop.orders`) would begin. Throws NothingToResume, and what halts the table if that is something else. */
export async function planResume(context: ResumeContext, wanted: string): Promise<ResumePlan> {
  const { duck, lake } = context
  const { way, table } = await wayOf(context, wanted)
  const open = await openTable(way)
  if (!open) throw new NothingToResume(`${wanted}: there is no such table in bronze`)
  const { bronze, tables } = open
  const { mend, version } = await nextFiles(lake, bronze, { tables, maxRows: Number.POSITIVE_INFINITY })
  const files = mend === undefined ? await filesAfter(lake, bronze, tables, tables.taken.current) : [...bronze.files.values()]
  const step =
    mend === undefined
      ? apply(duck, way, { bronze, tables, files, setAside: false })
      : remakeKeys(duck, way, { bronze, tables, version, mend, publish: async () => {}, setAside: false })
  const halted = await step.then<undefined, unknown>(
    () => undefined,
    (error: unknown) => error,
  )
  if (halted === undefined)
    throw new NothingToResume(
      `${nameOf(table)} is not halted at an event: silver can take all that bronze has; \`binlake status\` tells what else may be wrong`,
    )
  if (!(halted instanceof TableHalted) || halted.places.length === 0) throw halted
  const decisions = await epochDecisions({ duck, lake }, table)
  const { epoch } = halted.places[0]!
  const life = lifeOf(halted.places[0]!, decisions)!
  const halts = halted.places.filter(one => one.epoch === epoch)
  const rows = await eventRows({ duck, lake }, table, { bronze, files, columns: rowColumns })
  const found = { bronze, rows, halts, epoch, life }
  const places = mend === undefined ? await placesFrom(duck, found) : await placesOfMended(duck, found, decisions)
  return {
    table,
    decision: {
      life,
      places: places.map(({ partition, offset, alone }) => ({ partition, offset: String(offset), ...(alone ? { alone } : {}) })),
    },
    reason: halted.message,
    places,
    epoch: { before: epoch, after: epoch + 1 },
  }
}

/** Writes it down. A running `binlake run` hears of it. */
export async function resume(at: { duck: Duck; lake: Lakehouse }, { table, decision }: ResumePlan): Promise<void> {
  await decideFor(at, [{ table, kind: 'epoch', content: decision }])
}

async function wayOf({ duck, lake, policy, keys, log }: ResumeContext, wanted: string): Promise<{ way: Way; table: TableName }> {
  const all = (await lake.bronzeTables()).map(({ name }) => name)
  const named = all.filter(name => nameOf(name) === wanted || name.table === wanted)
  const exactly = named.find(name => nameOf(name) === wanted) ?? (named.length === 1 ? named[0] : undefined)
  if (!exactly) {
    const text = named.length > 1 ? `it may be ${named.map(nameOf).join(' or ')}` : 'there is no such table in bronze'
    throw new NothingToResume(`${wanted}: ${text}`)
  }
  const schema = await new SourceSchemas(duck, lake).get(exactly)
  if (!schema) throw new NothingToResume(`${wanted}: no schema change has told of this table yet`)
  return {
    way: { lake, log, schema, mask: compileMask(policy, schema, keys) },
    table: { database: exactly.database, table: exactly.table },
  }
}
