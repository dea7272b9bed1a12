// Where a new epoch is to begin when a table halts: in every partition, for a truncate in one must not be of another epoch than the rows of the others.
// Guarantee: no record that silver has taken changes its epoch.
import type { Duck } from '../../lake/duckdb.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { join, type Sql, sql } from '../../lake/sql.ts'
import { livesBefore, offsetAppId, topicsOf } from '../bronze-names.ts'
import type { KafkaPlace } from './decide.ts'
import type { EpochDecision } from './epochs.ts'
import type { HaltedAt } from './table-halted.ts'

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
  /** This record alone: it was mended when silver had taken what follows it. */
  alone?: true
}

type Seen = Omit<ResumePlace, 'partition' | 'offset' | 'alone'>

/** What is read of the rows. */
export const rowColumns = ['_epoch', '_lineage', '_partition', '_offset', '_file', '_pos', '_gtid', '_source_ts', '_snapshot']

export interface Halted {
  bronze: Snapshot
  /** A query for the bronze rows that silver has not taken, or of a mend for all: `rowColumns`. */
  rows: Sql
  halts: readonly HaltedAt[]
  epoch: number
  life: number
}

/** In the order of the partitions. */
export async function placesFrom(duck: Duck, { bronze, rows, halts, epoch, life }: Halted): Promise<ResumePlace[]> {
  const starts = await startsOf(duck, rows, { halts, epoch })
  const places: ResumePlace[] = []
  for (const { partition, end } of endsOf(bronze, life)) {
    const offset = starts.get(partition) ?? end
    places.push({ partition, offset, ...(await placeAt(duck, rows, { epoch, partition, offset })) })
  }
  return places
}

/**
 * Of records that were mended behind silver's back: each is of the epoch that begins behind it. Where none does yet, one begins with what comes next.
 */
export async function placesOfMended(
  duck: Duck,
  { bronze, rows, halts, epoch, life }: Halted,
  decisions: readonly EpochDecision[],
): Promise<ResumePlace[]> {
  const begun = decisions
    .filter(one => one.life === life)
    .flatMap(({ places }) => places)
    .filter(({ alone }) => !alone)
  const mended: ResumePlace[] = []
  for (const { partition, offset } of halts)
    mended.push({ partition, offset, ...(await placeAt(duck, rows, { epoch, partition, offset })), waiting: 1, alone: true })
  if (halts.every(({ partition, offset }) => begun.some(one => one.partition === partition && BigInt(one.offset) > offset)))
    return mended
  const next = endsOf(bronze, life).map(({ partition, end }) => ({ partition, offset: end, ...unseen }))
  return [...mended, ...next]
}

const unseen: Seen = { file: null, pos: null, gtid: null, at: null, waiting: 0 }

function endsOf(bronze: Snapshot, life: number): { partition: number; end: bigint }[] {
  return topicsOf(bronze)
    .filter(({ topic, topicId }) => livesBefore(bronze, topic, topicId) === life)
    .map(({ topic, topicId, partition }) => ({ partition, end: bronze.txns.get(offsetAppId(topic, topicId, partition))! }))
    .sort((a, b) => a.partition - b.partition)
}

/**
 * By partition: its event that halts or, if that is of another log, where that log begins; in the others the first event that silver has not taken and
 * that is not older. Without such a one none. What the row of a halting event has stays of the epoch before, in whichever partition.
 */
async function startsOf(
  duck: Duck,
  rows: Sql,
  { halts, epoch }: { halts: readonly HaltedAt[]; epoch: number },
): Promise<Map<number, bigint>> {
  const settled = together(halts)
  const had = settled.flatMap(({ after }) => after ?? []).sort((a, b) => (a.offset > b.offset ? -1 : 1))
  const cases = had.map(({ partition, offset }) => sql`WHEN _partition = ${partition} THEN ${offset}`)
  const bound = cases.length > 0 ? sql`CASE ${join(cases, ' ')} ELSE -1 END` : sql`-1`
  const found = await duck.rows<{ partition: number; offset: bigint }>(sql`
    WITH halts AS (
      SELECT * FROM (VALUES ${join(settled.map(({ partition, offset, otherLog }) => sql`(${partition}, ${offset}, ${otherLog ?? null}::INTEGER)`))}) AS t("partition", "offset", log)
    ),
    here AS (SELECT * FROM ${rows} WHERE _epoch = ${epoch} AND _source_ts IS NOT NULL),
    began AS (
      SELECT halts."partition", least(any_value(halts."offset"), min(_offset)) AS "offset" FROM halts LEFT JOIN here ON _partition = halts."partition" AND _lineage = log
        AND _offset <= halts."offset" AND _offset > ${bound} GROUP BY ALL
    ),
    since AS (SELECT min(_source_ts) AS first FROM here JOIN began ON _partition = "partition" AND _offset = "offset")
    FROM began
    UNION ALL
    SELECT _partition, min(_offset) FROM here, since WHERE _source_ts >= first AND _snapshot IS DISTINCT FROM 'incremental' AND _offset > ${bound}
      AND _partition NOT IN (SELECT "partition" FROM began) GROUP BY ALL`)
  return new Map(found.map(({ partition, offset }) => [partition, offset]))
}

/** Those that one epoch settles: the first that came, and what does not contradict it. The rest halts once more. */
function together(halts: readonly HaltedAt[]): HaltedAt[] {
  const settled: HaltedAt[] = []
  for (const halt of halts) {
    const behind = (one: HaltedAt, other: HaltedAt) =>
      one.after?.partition === other.partition && one.after.offset >= other.offset
    if (!settled.some(one => behind(one, halt) || behind(halt, one))) settled.push(halt)
  }
  return settled
}

async function placeAt(duck: Duck, rows: Sql, { epoch, partition, offset }: KafkaPlace): Promise<Seen> {
  const found = await duck.row<Omit<Seen, 'waiting'> & { waiting: bigint }>(sql`
    SELECT arg_min(_file, _offset) AS file, arg_min(_pos, _offset) AS pos, arg_min(_gtid, _offset) AS gtid,
      arg_min(strftime(_source_ts AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ'), _offset) AS at, count(*) AS waiting
    FROM ${rows} WHERE _epoch = ${epoch} AND _partition = ${partition} AND _offset >= ${offset}`)
  return { ...found!, waiting: Number(found!.waiting) }
}
