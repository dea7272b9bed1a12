// Records of a full snapshot that nobody could read: what their rows are is not known, so they must not be taken for rows that it did not meet.
// Guarantee: what a person has mended is in bronze by then; what was given up counts no more.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { sql } from '../../lake/sql.ts'
import { quarantined } from '../quarantine/records.ts'
import type { TableName } from '../source-schema.ts'

export interface UnreadOptions {
  name: TableName
  /** Milliseconds since 1970: when the snapshot began. */
  started: number
  /** Where the table's topics ended when it was over. */
  ends: readonly { topic: string; topicId: string; partition: number; offset: string }[]
}

/** How many wait in quarantine and are not in bronze. Those that are have their keys there, and their rows are spared. */
export async function unreadRows(duck: Duck, lake: Lakehouse, { name, started, ends }: UnreadOptions): Promise<number> {
  const snapshot = await lake.current(tablePath('quarantine', name))
  if (!snapshot) return 0
  const rows = await duck.rows<{ topic: string; topicId: string | null; partition: number; offset: bigint }>(sql`
    SELECT _topic AS topic, _topic_id AS "topicId", _partition AS partition, _offset AS "offset"
    FROM ${await quarantined(lake, name, { snapshot, values: false })}
    WHERE _settled IS NULL AND _step <> 'silver' AND coalesce(_kafka_ts >= make_timestamptz(${BigInt(started) * 1_000n}), true)`)
  const within = ({ topic, topicId, partition, offset }: (typeof rows)[number]) =>
    ends.some(
      end =>
        end.topic === topic &&
        (topicId ?? end.topicId) === end.topicId &&
        end.partition === partition &&
        offset < BigInt(end.offset),
    )
  return rows.filter(within).length
}
