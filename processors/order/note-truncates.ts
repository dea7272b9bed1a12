// Notes truncates of topics with several partitions as bronze is appended: changes of other partitions may come long after one (cdc-spec §2.4).
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { sql } from '../../lake/sql.ts'
import { topicsOf } from '../bronze-names.ts'
import { type Following, writtenRows } from './follow-binlog.ts'
import { truncateAppId } from './lineage.ts'

/** The progress to commit with a bronze file. */
export async function noteTruncates(
  { duck, lake }: { duck: Duck; lake: Lakehouse },
  following: Following,
): Promise<{ appId: string; version: bigint }[]> {
  const { base, batch } = following
  const partitions = new Set([...(base ? topicsOf(base) : []).map(({ partition }) => partition), ...batch.ranges.keys()])
  if (partitions.size === 1) return []
  const found = await duck.rows<{ partition: number; offset: bigint }>(
    sql`SELECT _partition AS partition, _offset AS "offset" FROM ${await writtenRows(lake, following)} WHERE _op = 't'`,
  )
  return found.map(({ partition, offset }) => ({ appId: truncateAppId(batch, partition, offset), version: offset }))
}
