// Tombstones: a record without a value after its row's delete. Where compaction has removed that delete, the tombstone is all that tells of it (cdc-spec §2.4).
// Guarantee: one that follows a `d` of its key in its partition, sent again or not, says nothing; any other deletes. Bronze decides, however steps were cut.
import type { Add } from '../../lake/actions.ts'
import type { Duck } from '../../lake/duckdb.ts'
import { exactBounds } from '../../lake/exact-bounds.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import { bronzeColumnsRead } from '../own-columns.ts'
import type { TableName } from '../source-schema.ts'
import { unwrapped } from '../stage.ts'
import { eventRows } from './event-rows.ts'

const columns = ['_epoch', '_partition', '_offset', '_op', '_kafka_ts', '_key']

export interface TombstoneOptions {
  bronze: Snapshot
  /** Gives the step's bronze rows with these columns. */
  rows: (columns: readonly string[]) => Promise<Sql>
}

/**
 * The step's tombstones that delete, as events `d` with the columns of `bronzeColumnsRead`: their image before is the key alone. They have no place in
 * the source, so Kafka's order decides. Undefined: there is none.
 */
export async function lonelyTombstones(
  at: { duck: Duck; lake: Lakehouse },
  table: TableName,
  { bronze, rows }: TombstoneOptions,
): Promise<Sql | undefined> {
  const { duck } = at
  // One look at one column: as a rule there are none.
  if (!(await duck.row(sql`SELECT 1 FROM ${await rows(['_op'])} WHERE _op IS NULL LIMIT 1`))) return undefined
  const inPartition = sql`PARTITION BY _epoch, _partition ORDER BY _offset`
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE tombstones AS
    SELECT _epoch, _partition, _offset, _kafka_ts, _key, ${unwrapped(sql`_key`)} AS _row_key FROM (
      SELECT *, lag(_op) OVER w AS _before_op, lag(_key) OVER w AS _before_key FROM ${await rows(columns)} WINDOW w AS (${inPartition}))
    WHERE _op IS NULL AND _key IS NOT NULL AND NOT coalesce(_before_op = 'd' AND _before_key = _key, false)`)
  await dropFollowing(at, table, bronze)
  if (!(await duck.row(sql`SELECT 1 FROM tombstones LIMIT 1`))) return undefined
  const made: Record<string, Sql> = {
    _value: sql`'{"before":' || _row_key || ',"after":null}'`,
    _op: sql`'d'`,
    _source_ts: sql`_kafka_ts`,
    _partition: sql`_partition`,
    _offset: sql`_offset`,
    _epoch: sql`_epoch`,
    _lineage: sql`0`,
    _pos: sql`NULL::BIGINT`,
    _row: sql`NULL::INTEGER`,
    _tx_order: sql`NULL::BIGINT`,
  }
  return sql`(SELECT ${join(bronzeColumnsRead.map(name => sql`${made[name] ?? sql`NULL::VARCHAR`} AS ${id(name)}`))} FROM tombstones)`
}

/** Takes those out of temp table `tombstones` whose key's last event in their partition is a `d`: looked for from the newest bronze file backwards. */
async function dropFollowing(at: { duck: Duck; lake: Lakehouse }, table: TableName, bronze: Snapshot): Promise<void> {
  const { duck } = at
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE undecided AS SELECT *, -1::BIGINT AS _last, '' AS _last_op FROM tombstones`)
  const files = newestFirst(bronze.files.values())
  for (const [i, { file }] of files.entries()) {
    const rows = await eventRows(at, table, {
      bronze,
      files: [file],
      columns: ['_epoch', '_partition', '_offset', '_op', '_key'],
    })
    await duck.run(sql`CREATE OR REPLACE TEMP TABLE undecided AS
      SELECT u.* REPLACE (greatest(_last, coalesce(found, -1)) AS _last, CASE WHEN found > _last THEN op ELSE _last_op END AS _last_op)
      FROM undecided AS u LEFT JOIN (
        SELECT t._epoch, t._partition, t._offset, max(b._offset) AS found, arg_max(b._op, b._offset) AS op
        FROM undecided AS t JOIN ${rows} AS b ON t._epoch = b._epoch AND t._partition = b._partition AND t._row_key = ${unwrapped(sql`b._key`)}
        WHERE b._offset < t._offset AND b._op IS NOT NULL GROUP BY ALL
      ) USING (_epoch, _partition, _offset)`)
    const left = await duck.row(sql`SELECT 1 FROM undecided WHERE _last < ${files[i + 1]?.newest ?? -1n} LIMIT 1`)
    if (!left) break
  }
  await duck.run(
    sql`CREATE OR REPLACE TEMP TABLE tombstones AS SELECT * EXCLUDE (_last, _last_op) FROM undecided WHERE _last_op <> 'd'`,
  )
  await duck.run(sql`DROP TABLE undecided`)
}

/** By the greatest offset that their statistics tell. */
function newestFirst(files: Iterable<Add>): { file: Add; newest: bigint }[] {
  const unknown = 2n ** 62n
  const told = (file: Add) => (file.stats ? exactBounds(file.stats).maxValues?._offset : undefined)
  return [...files]
    .map(file => ({ file, newest: typeof told(file) === 'string' ? BigInt(told(file) as string) : unknown }))
    .sort((a, b) => (a.newest > b.newest ? -1 : 1))
}
