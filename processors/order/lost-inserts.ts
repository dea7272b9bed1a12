// Updates of a key: Debezium sends a delete and an insert, and a crash between them may lose the insert (cdc-spec §6). Nobody else would notice.
// Guarantee: only tells; an insert that may still come is not called lost.
import type { Add } from '../../lake/actions.ts'
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { sql } from '../../lake/sql.ts'
import { parseOffsetAppId } from '../bronze-names.ts'
import type { TableName } from '../source-schema.ts'
import { eventRows } from './event-rows.ts'
import { earlierRows } from './identity.ts'

export interface LostInsert {
  partition: number
  offset: bigint
  file: string
  pos: bigint
}

/** Records by which the insert must have come: its own, the delete's tombstone, the marker of Kafka's transaction. */
const soon = 3n

/** Deletes in these bronze files that say the row lives on under another key, and no insert at their place in the binlog came after them. */
export async function lostInserts(
  at: { duck: Duck; lake: Lakehouse },
  table: TableName,
  { bronze, files }: { bronze: Snapshot; files: readonly Add[] },
): Promise<LostInsert[]> {
  if (files.length === 0) return []
  const columns = ['_epoch', '_partition', '_offset', '_op', '_source_ts', '_file', '_pos', '_row']
  const moved = {
    rows: (rows: ReturnType<typeof sql>) =>
      sql`(SELECT * FROM ${rows} WHERE _op = 'd' AND contains(_headers, '__debezium.newkey'))`,
    columns: ['_op', '_headers'],
  }
  const deletes = await eventRows(at, table, { bronze, files, columns, among: moved })
  await at.duck.run(sql`CREATE OR REPLACE TEMP TABLE moved_keys AS SELECT * FROM ${deletes}`)
  if (!(await at.duck.row(sql`SELECT 1 FROM moved_keys LIMIT 1`))) return []
  const inserts = await earlierRows(at, table, { bronze, events: sql`moved_keys` })
  const lost = await at.duck.rows<LostInsert & { epoch: number }>(sql`
    SELECT _partition AS partition, _offset AS "offset", _file AS file, _pos AS pos FROM moved_keys
    ANTI JOIN (SELECT * FROM ${inserts} WHERE _op = 'c') USING (_epoch, _file, _pos, _row) ORDER BY 1, 2`)
  // Where another partition has the insert, that one may be read later; and what ends bronze may be followed by it.
  const next = new Map<number, bigint>()
  for (const [appId, offset] of bronze.txns) {
    const partition = parseOffsetAppId(appId)?.partition
    if (partition !== undefined) next.set(partition, offset)
  }
  return lost
    .filter(({ partition, offset }) => (next.get(partition) ?? 0n) > offset + soon)
    .map(({ partition, offset, file, pos }) => ({ partition, offset, file, pos }))
}

/** One sentence, for the log and for `status`. */
export function lostInsertsText(table: TableName, lost: readonly LostInsert[]): string {
  const { partition, offset, file, pos } = lost[0]!
  return (
    `${table.database}.${table.table}: ${lost.length === 1 ? 'a row' : `${lost.length} rows`} got another key, and the insert under it never came (the first: partition ${partition}, ` +
    `offset ${offset}, ${file}:${pos}): the connector may have crashed in between; \`binlake verify --repair\` finds and mends it`
  )
}
