// Notes truncates of topics with several partitions as bronze is appended: changes of other partitions may come long after one (cdc-spec §2.4).
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { scan } from '../../lake/scan.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { sql } from '../../lake/sql.ts'
import { livesBefore, topicsOf } from '../bronze-names.ts'
import type { TableName } from '../source-schema.ts'
import { type Following, writtenRows } from './follow-binlog.ts'
import { truncateAppId } from './lineage.ts'

type Txn = { appId: string; version: bigint }

/** The `txn` that says that all truncates of before are noted. */
const notedAppId = 'binlake-truncates-noted'

/** The progress to commit with a bronze file. What came while one partition alone was known is noted once another is. */
export async function noteTruncates({ duck, lake }: { duck: Duck; lake: Lakehouse }, following: Following): Promise<Txn[]> {
  const { table, base, batch } = following
  const known = new Set((base ? topicsOf(base) : []).map(({ partition }) => partition))
  if (new Set([...known, ...batch.ranges.keys()]).size === 1) return []
  const places = sql`SELECT _partition AS partition, _offset AS "offset" FROM ${await writtenRows(lake, following)} WHERE _op = 't'`
  const found = await duck.rows<{ partition: number; offset: bigint }>(places)
  const noted = found.map(({ partition, offset }) => ({ appId: truncateAppId(batch, partition, offset), version: offset }))
  if (!base || base.txns.has(notedAppId)) return noted
  // Another worker may still believe in one partition as long as bronze does.
  const done = known.size > 1 ? [{ appId: notedAppId, version: 1n }] : []
  return [...(await truncatesOf({ duck, lake }, table, base)), ...noted, ...done]
}

/** All that bronze holds. */
async function truncatesOf({ duck, lake }: { duck: Duck; lake: Lakehouse }, table: TableName, base: Snapshot): Promise<Txn[]> {
  const life = base.fields.some(({ name }) => name === '_epoch') ? sql`coalesce(_epoch, 0)` : sql`0`
  const rows = await scan(lake.table(tablePath('bronze', table)), base)
  const found = await duck.rows<{ topic: string; life: number; partition: number; offset: bigint }>(
    sql`SELECT _topic AS topic, ${life} AS life, _partition AS partition, _offset AS "offset" FROM ${rows} WHERE _op = 't'`,
  )
  const lives = topicsOf(base).map(one => ({ ...one, life: livesBefore(base, one.topic, one.topicId) }))
  return found.flatMap(({ topic, life: nth, partition, offset }) => {
    const of = lives.find(one => one.topic === topic && one.life === nth)
    return of ? [{ appId: truncateAppId(of, partition, offset), version: offset }] : []
  })
}
