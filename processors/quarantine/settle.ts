// Notes on quarantined records what became of them; a record that was given up loses its bytes, not its trace.
// Guarantee: a record that is settled stays settled; whoever sets more records aside meanwhile loses none.
import { commit } from '../../lake/commit.ts'
import { ConflictError } from '../../lake/conflict.ts'
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { type Sql, sql } from '../../lake/sql.ts'
import { boundsProperties } from '../../lake/stats.ts'
import { writeFile } from '../../lake/write.ts'
import { quarantineFields } from '../quarantine.ts'
import type { TableName } from '../source-schema.ts'
import { quarantined } from './records.ts'

export interface Settling {
  /** A query `_topic, _topic_id, _life, _partition, _offset` for the records. */
  places: Sql
  how: 'mended' | 'dropped'
  because: string | null
}

const tries = 5

/** How many open records are settled now. */
export async function settle(
  { duck, lake }: { duck: Duck; lake: Lakehouse },
  name: TableName,
  settling: Settling,
): Promise<number> {
  for (let nth = 1; ; nth++) {
    try {
      return await settleOnce({ duck, lake }, name, settling)
    } catch (error) {
      if (!(error instanceof ConflictError && error.retryable) || nth === tries) throw error
    }
  }
}

async function settleOnce(
  { duck, lake }: { duck: Duck; lake: Lakehouse },
  name: TableName,
  { places, how, because }: Settling,
): Promise<number> {
  const path = tablePath('quarantine', name)
  const base = await lake.current(path)
  if (!base) return 0
  const all = await quarantined(lake, name, { snapshot: base, fileColumn: '_path' })
  const meant = sql`record._settled IS NULL AND EXISTS (SELECT 1 FROM (${places}) AS place WHERE place._topic = record._topic
    AND place._topic_id IS NOT DISTINCT FROM record._topic_id
    AND (record._topic_id IS NOT NULL OR place._life = coalesce(record._life, 0)) AND place._partition = record._partition AND place._offset = record._offset)`
  const touched = await duck.rows<{ path: string; n: bigint }>(
    sql`SELECT _path AS path, count(*) AS n FROM ${all} AS record WHERE ${meant} GROUP BY ALL`,
  )
  if (touched.length === 0) return 0
  const bytes =
    how === 'dropped'
      ? sql`, CASE WHEN "is meant" THEN NULL ELSE _key END AS _key, CASE WHEN "is meant" THEN NULL ELSE _value END AS _value`
      : sql``
  const adds = []
  for (const { path: file } of touched) {
    const rows = sql`SELECT *, ${meant} AS "is meant" FROM ${all} AS record WHERE _path = ${file}`
    const select = sql`SELECT * REPLACE (CASE WHEN "is meant" THEN ${how} ELSE _settled END AS _settled,
      CASE WHEN "is meant" THEN ${new Date().toISOString()}::TIMESTAMPTZ ELSE _settled_at END AS _settled_at,
      CASE WHEN "is meant" THEN ${because}::VARCHAR ELSE _because END AS _because ${bytes}) FROM (${rows})`
    const add = await writeFile(duck, lake.table(path), { select, fields: quarantineFields })
    if (add) adds.push(add)
  }
  const snapshot = await commit(lake.table(path), {
    base,
    mode: 'merge',
    operation: 'MERGE',
    metaData: { fields: quarantineFields, name: name.table, configuration: boundsProperties([]) },
    removes: touched.map(one => one.path),
    adds,
  })
  lake.committed(path, snapshot)
  return touched.reduce((sum, { n }) => sum + Number(n), 0)
}
