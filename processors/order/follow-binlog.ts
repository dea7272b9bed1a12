// Sees, as bronze is appended, where a partition's events go on in another log than before: another server's, or one that was reset (cdc-spec §2.4).
// Guarantee: judged by what the partition itself brings, and kept in the same commit, so that nobody has to judge again.
import type { TopicBatch } from '../../connectors/source.ts'
import type { Add } from '../../lake/actions.ts'
import type { Duck } from '../../lake/duckdb.ts'
import { exactBounds } from '../../lake/exact-bounds.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { dataPath } from '../../lake/path.ts'
import { globEscape } from '../../lake/scan.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import type { TableName } from '../source-schema.ts'
import { epochDecisions } from './epochs.ts'
import { asEvents } from './event-rows.ts'
import { earlierRows, findSeen, identityColumns } from './identity.ts'
import { type Binlog, binlogAppId, lineageAppId, newestBinlogs } from './lineage.ts'
import { parseFile } from './source-position.ts'

type Txn = { appId: string; version: bigint }

export interface Following {
  table: TableName
  path: string
  /** Bronze before the file. */
  base: Snapshot | undefined
  batch: Pick<TopicBatch, 'topic' | 'topicId' | 'ranges'>
  /** The file just written. */
  add: Add
}

/** Events of one partition that follow each other in one binlog file. */
interface Run {
  partition: number
  file: string
  from: bigint
  to: bigint
}

/**
 * The progress to commit with a bronze file: the newest binlog of each partition and, where another log has begun, its first offset. A batch that stays
 * in its binlog file costs nothing, one that goes on to the next a look at one column; only a file that does not follow is looked up in bronze.
 */
export async function followBinlog({ duck, lake }: { duck: Duck; lake: Lakehouse }, following: Following): Promise<Txn[]> {
  const { add, base, batch } = following
  const newest = newestBinlogs(base, batch)
  const only = onlyFile(add)
  const stays = (partition: number) => {
    const held = newest.get(partition)
    return held !== undefined && only !== undefined && held.base === only.base && held.number === only.number
  }
  const partitions = [...batch.ranges.keys()]
  if (partitions.every(stays)) return []
  const written = await writtenRows(lake, following)
  const runs = await runsIn(duck, written)
  const txns: Txn[] = []
  for (const run of runs) {
    const file = parseFile(run.file)
    if (!file) continue
    const held = newest.get(run.partition)
    const follows = held && held.base === file.base && held.number <= file.number
    if (follows && held.number === file.number) continue
    let next: Binlog = { ...file, lineage: held?.lineage ?? Math.max(0, ...[...newest.values()].map(({ lineage }) => lineage)) }
    // Where there was another log before, even a higher number may be an event of that log sent again.
    if (held && !(follows && held.lineage === 0)) {
      const begins = await firstUnseen({ duck, lake }, { ...following, written, run })
      if (begins === undefined) continue
      if (!follows) {
        next = { ...next, lineage: held.lineage + 1 }
        txns.push({ appId: lineageAppId(batch, run.partition, next.lineage), version: begins })
      }
    }
    newest.set(run.partition, next)
    txns.push({ appId: binlogAppId(batch, run.partition, next), version: next.number })
  }
  // Of one file after the other only the last counts.
  return [...new Map(txns.map(txn => [txn.appId, txn])).values()]
}

/** The one binlog file that a bronze file's rows are of, if its statistics say so. */
function onlyFile({ stats }: Add): { base: string; number: bigint } | undefined {
  const { minValues = {}, maxValues = {} } = stats ? exactBounds(stats) : {}
  const only = minValues._file
  return typeof only === 'string' && only === maxValues._file ? parseFile(only) : undefined
}

/** The rows of the file just written, which no snapshot has yet. */
export async function writtenRows(lake: Lakehouse, { path, add }: Pick<Following, 'path' | 'add'>): Promise<Sql> {
  const file = await lake.store.fetch(dataPath(lake.table(path), add.path), add.size)
  return sql`read_parquet(${globEscape(file)}, hive_partitioning = false)`
}

/** In the order of each partition. An incremental snapshot's rows carry the place of the stream, maybe of a connector that is dead by now. */
async function runsIn(duck: Duck, written: Sql): Promise<Run[]> {
  const inPartition = sql`OVER (PARTITION BY _partition ORDER BY _offset)`
  return duck.rows<{ partition: number; file: string; from: bigint; to: bigint }>(sql`
    SELECT _partition AS partition, any_value(_file) AS file, min(_offset) AS "from", max(_offset) AS "to" FROM (
      SELECT *, sum(_turns) ${inPartition} AS _run FROM (
        SELECT _partition, _offset, _file, (_file IS DISTINCT FROM lag(_file) ${inPartition})::INTEGER AS _turns FROM ${written} WHERE ${streamed}))
    GROUP BY _partition, _run ORDER BY partition, "from"`)
}

const streamed = sql`_file IS NOT NULL AND _snapshot IS DISTINCT FROM 'incremental'`

/** The first event of a run that the partition has not brought before; undefined: all of it was sent again. */
async function firstUnseen(
  { duck, lake }: { duck: Duck; lake: Lakehouse },
  { table, base, written, run }: Following & { written: Sql; run: Run },
): Promise<bigint | undefined> {
  const decisions = await epochDecisions({ duck, lake }, table)
  const all = asEvents(written, identityColumns, { decisions })
  const inRun = sql`_partition = ${run.partition} AND _offset BETWEEN ${run.from} AND ${run.to} AND _op IS NOT NULL`
  for (const most of [sql`LIMIT 1`, sql``]) {
    const events = sql`(SELECT * FROM ${all} WHERE ${inRun} ORDER BY _offset ${most})`
    const before = base ? await earlierRows({ duck, lake }, table, { bronze: base, events }) : undefined
    const here = join(
      [...(before ? [before] : []), all].map(rows => sql`SELECT ${join(identityColumns.map(name => id(name)))} FROM ${rows}`),
      ' UNION ALL ',
    )
    await findSeen(duck, { events, earlier: sql`(SELECT * FROM (${here}) WHERE _partition = ${run.partition})` })
    const first = await duck.row<{ first: bigint | null }>(
      sql`SELECT min(_offset) AS first FROM ${events} ANTI JOIN seen USING (_partition, _offset)`,
    )
    if (first!.first !== null) return first!.first
  }
  return undefined
}
