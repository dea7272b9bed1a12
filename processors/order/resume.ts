// Lets a table go on that halted at an event which no rule decides: from its place on, and in all other partitions, a new epoch (epochs.ts).
// Guarantee: the plan is a dry run and changes nothing; what is decided is part of bronze, so that a rebuild goes the same way.

import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { join, type Sql, sql } from '../../lake/sql.ts'
import { compileMask } from '../../privacy/mask.ts'
import { apply, type Way } from '../apply.ts'
import { livesBefore, offsetAppId, topicsOf } from '../bronze-names.ts'
import type { Context } from '../context.ts'
import { decideFor } from '../decisions.ts'
import { filesAfter } from '../next-files.ts'
import { openTable } from '../open-table.ts'
import type { TableName } from '../source-schema.ts'
import { SourceSchemas } from '../source-schemas.ts'
import { nameOf } from '../table-name.ts'
import type { KafkaPlace } from './decide.ts'
import { type EpochDecision, epochDecisions, lifeOf } from './epochs.ts'
import { eventRows } from './event-rows.ts'
import { type HaltedAt, TableHalted } from './table-halted.ts'

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

export interface ResumePlace {
  partition: number
  offset: bigint
  /** Where the event there stands in the source; null: bronze has none yet. */
  file: string | null
  pos: bigint | null
  gtid: string | null
  /** ISO time of the database. */
  at: string | null
  /** Bronze records of the partition from there on that silver has not taken. */
  waiting: number
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
  if (!(halted instanceof TableHalted) || halted.places.length === 0) throw halted
  const decisions = await epochDecisions({ duck, lake }, table)
  const { epoch } = halted.places[0]!
  const life = lifeOf(halted.places[0]!, decisions)!
  const columns = ['_epoch', '_lineage', '_partition', '_offset', '_file', '_pos', '_gtid', '_source_ts', '_snapshot']
  const rows = await eventRows({ duck, lake }, table, { bronze, files, columns })
  const starts = await startsOf(duck, rows, { halts: halted.places.filter(one => one.epoch === epoch), epoch })
  // Of partitions that halt at nothing too: a truncate in one must not be of another epoch than the rows of the others.
  const ends = topicsOf(bronze).filter(({ topic, topicId }) => livesBefore(bronze, topic, topicId) === life)
  const places: ResumePlace[] = []
  for (const { topic, topicId, partition } of ends.sort((a, b) => a.partition - b.partition)) {
    const offset = starts.get(partition) ?? bronze.txns.get(offsetAppId(topic, topicId, partition))!
    places.push({ partition, offset, ...(await placeAt(duck, rows, { epoch, partition, offset })) })
  }
  return {
    table,
    decision: { life, places: places.map(({ partition, offset }) => ({ partition, offset: String(offset) })) },
    reason: halted.message,
    places,
    epoch: { before: epoch, after: epoch + 1 },
  }
}

/**
 * By partition: its event that halts or, if that is of another log, where that log begins; in the others the first event that silver has not taken and
 * that is not older. Without such a one none.
 */
async function startsOf(
  duck: Duck,
  rows: Sql,
  { halts, epoch }: { halts: readonly HaltedAt[]; epoch: number },
): Promise<Map<number, bigint>> {
  const found = await duck.rows<{ partition: number; offset: bigint }>(sql`
    WITH halts AS (
      SELECT * FROM (VALUES ${join(halts.map(({ partition, offset, otherLog }) => sql`(${partition}, ${offset}, ${otherLog ?? null}::INTEGER)`))}) AS t("partition", "offset", log)
    ),
    here AS (SELECT * FROM ${rows} WHERE _epoch = ${epoch} AND _source_ts IS NOT NULL),
    began AS (
      SELECT halts."partition", least(any_value(halts."offset"), min(_offset)) AS "offset" FROM halts LEFT JOIN here ON _partition = halts."partition" AND _lineage = log
        AND _offset <= halts."offset" GROUP BY ALL
    ),
    since AS (SELECT min(_source_ts) AS first FROM here JOIN began ON _partition = "partition" AND _offset = "offset")
    FROM began
    UNION ALL
    SELECT _partition, min(_offset) FROM here, since
      WHERE _source_ts >= first AND _snapshot IS DISTINCT FROM 'incremental' AND _partition NOT IN (SELECT "partition" FROM began) GROUP BY ALL`)
  return new Map(found.map(({ partition, offset }) => [partition, offset]))
}

async function placeAt(
  duck: Duck,
  rows: Sql,
  { epoch, partition, offset }: KafkaPlace,
): Promise<Omit<ResumePlace, keyof KafkaPlace>> {
  const found = await duck.row<Omit<ResumePlace, keyof KafkaPlace | 'waiting'> & { waiting: bigint }>(sql`
    SELECT arg_min(_file, _offset) AS file, arg_min(_pos, _offset) AS pos, arg_min(_gtid, _offset) AS gtid,
      arg_min(strftime(_source_ts AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ'), _offset) AS at, count(*) AS waiting
    FROM ${rows} WHERE _epoch = ${epoch} AND _partition = ${partition} AND _offset >= ${offset}`)
  return { ...found!, waiting: Number(found!.waiting) }
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
