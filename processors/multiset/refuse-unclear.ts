// Snapshots of which nobody can say what they had seen: where no key tells rows apart, counting on from them would be guessing.
// Guarantee: what a later snapshot replaced, or a truncate ended, is not asked about.
import type { Duck } from '../../lake/duckdb.ts'
import { sql } from '../../lake/sql.ts'
import { TableHalted } from '../order/table-halted.ts'
import { snapshotMark } from './judge-events.ts'

/**
 * Reads temp table `events` (judge-events.ts). A blocking snapshot pauses the stream at the position that its rows carry, and reads the table later:
 * what is written meanwhile is in its rows and comes again in the stream (seen with Debezium 3.6.1). Its rows are told by the stream's GTID, and
 * carry the second in which it read. An incremental snapshot's rows are not counted at all, so they cannot be all that is known.
 */
export async function refuseUnclear(duck: Duck, table: string): Promise<void> {
  const last = await duck.row<{ nth: bigint; looked: boolean; paused: boolean; second: bigint }>(sql`
    SELECT nth, known OR _op = 'r' AS looked, _gtid IS NOT NULL AS paused, epoch_us(_source_ts) AS second
    FROM events WHERE resets OR mark = ${snapshotMark} ORDER BY nth DESC LIMIT 1`)
  const unclear = last?.looked
    ? last.paused
      ? sql`kept AND nth > ${last.nth} AND _op IN ('c', 'u', 'd') AND epoch_us(_source_ts) < ${last.second} + 1000000`
      : undefined
    : sql`NOT known AND _op = 'r' AND _snapshot = 'incremental' AND nth > ${last?.nth ?? 0n}`
  const found =
    unclear &&
    (await duck.row<Place>(
      sql`SELECT _partition AS partition, _offset AS "offset" FROM events WHERE ${unclear} ORDER BY nth LIMIT 1`,
    ))
  if (!found) return
  const why = last?.looked
    ? 'was written while a blocking snapshot of the table was read, which may have seen it'
    : 'is a row of an incremental snapshot, which does not tell whether the row was counted before'
  throw new TableHalted(
    `${table}: the event at partition ${found.partition}, offset ${found.offset} ${why}, and the table has no key that would tell. While nothing writes the ` +
      `table, type \`binlake snapshot ${table} --full\`: its rows take the place of all that was counted (docs/keys.md)`,
  )
}

interface Place {
  partition: number
  offset: bigint
}
