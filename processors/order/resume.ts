// Lets a table go on that halted at an event which no rule decides: from its place on, a new epoch (epochs.ts).
// Guarantee: the plan is a dry run and changes nothing; what is decided is part of bronze, so that a rebuild goes the same way.

import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { sql } from '../../lake/sql.ts'
import { compileMask } from '../../privacy/mask.ts'
import { apply, type Way } from '../apply.ts'
import type { Context } from '../context.ts'
import { decideFor } from '../decisions.ts'
import { filesAfter } from '../next-files.ts'
import { openTable } from '../open-table.ts'
import type { TableName } from '../source-schema.ts'
import { SourceSchemas } from '../source-schemas.ts'
import { nameOf } from '../table-name.ts'
import { type EpochDecision, epochDecisions, lifeOf } from './epochs.ts'
import { eventRows } from './event-rows.ts'
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
  partition: number
  offset: bigint
  /** Where the event stands in the source. */
  file: string | null
  pos: bigint | null
  gtid: string | null
  /** ISO time of the database. */
  at: string
  /** Bronze records of the partition from there on that silver has not taken. */
  waiting: number
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
  const files = await filesAfter(lake, bronze, tables, tables.taken.current)
  const halted = await apply(duck, way, { bronze, tables, files, setAside: false }).then<undefined, unknown>(
    () => undefined,
    (error: unknown) => error,
  )
  if (halted === undefined)
    throw new NothingToResume(
      `${nameOf(table)} is not halted at an event: silver can take all that bronze has; \`binlake status\` tells what else may be wrong`,
    )
  if (!(halted instanceof TableHalted) || !halted.place) throw halted
  const { epoch, partition, offset } = halted.place
  const decisions = await epochDecisions({ duck, lake }, table)
  const life = lifeOf({ epoch, partition, offset }, decisions)!
  const rows = await eventRows({ duck, lake }, table, {
    bronze,
    files,
    columns: ['_epoch', '_partition', '_offset', '_file', '_pos', '_gtid', '_source_ts'],
  })
  const found = await duck.row<{ file: string; pos: bigint; gtid: string | null; at: string; waiting: bigint }>(sql`
    SELECT arg_min(_file, _offset) AS file, arg_min(_pos, _offset) AS pos, arg_min(_gtid, _offset) AS gtid,
      arg_min(strftime(_source_ts AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ'), _offset) AS at, count(*) AS waiting
    FROM ${rows} WHERE _epoch = ${epoch} AND _partition = ${partition} AND _offset >= ${offset}`)
  return {
    table,
    decision: { life, places: [{ partition, offset: String(offset) }] },
    reason: halted.message,
    partition,
    offset,
    ...found!,
    waiting: Number(found!.waiting),
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
