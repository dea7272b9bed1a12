// The source's latest transactions in the order of their commits, from bronze's copy of Debezium's transaction topic.
// Guarantee: only what came since a known place is read; a transaction stands where its first record stands.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { prune } from '../../lake/prune.ts'
import { scan } from '../../lake/scan.ts'
import { sql } from '../../lake/sql.ts'
import { livesBefore, topicsOf, transactions } from '../bronze-names.ts'
import { unwrapped } from '../stage.ts'

/** So many records before the known place are read as well: rows of those transactions may be met once more. */
const lookBack = 20_000n

export interface RecentTransactions {
  /** Names the life of the topic that the orders below count in. */
  topic: string
  /** Places in that topic: of the newest record, and of the newest transaction if its end has not come. */
  newest: bigint
  open: bigint | undefined
}

/** The topic may come: changes that say they are of a transaction wait for it. */
async function nothingTold(duck: Duck): Promise<RecentTransactions> {
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE recent_transactions
    (id VARCHAR, ord BIGINT, told_at BIGINT, tables STRUCT(data_collection VARCHAR, event_count BIGINT)[], origin VARCHAR, sequence BIGINT)`)
  return { topic: '', newest: -1n, open: undefined }
}

const shape = JSON.stringify({
  id: 'VARCHAR',
  status: 'VARCHAR',
  ts_ms: 'BIGINT',
  event_count: 'BIGINT',
  data_collections: [{ data_collection: 'VARCHAR', event_count: 'BIGINT' }],
})

/**
 * Makes temp table `recent_transactions`: `id`, `ord` (offset of its first record), `origin` and `sequence` of its GTID, `told_at` (milliseconds,
 * of the source's clock), `tables` (`data_collection`, `event_count`; NULL until its end has come). Undefined: the topic's
 * order tells nothing.
 * `since` gives the place from which on transactions are of interest, in the life of the topic that is named.
 */
export async function readRecentTransactions(
  duck: Duck,
  lake: Lakehouse,
  since: (topic: string) => bigint,
): Promise<RecentTransactions | undefined> {
  const path = tablePath('bronze', transactions)
  const snapshot = await lake.current(path)
  const lives = snapshot ? topicsOf(snapshot) : []
  const last = lives.at(-1)
  // In several partitions the order of transactions is unknown.
  if (new Set(lives.map(({ partition }) => partition)).size > 1) return undefined
  if (!snapshot || !last) return nothingTold(duck)
  const topic = `${last.topic}#${last.topicId}`
  const place = since(topic)
  const from = sql`${place > lookBack ? place - lookBack : 0n}`
  const files = await prune(duck, snapshot, [[{ column: '_offset', operator: '>=', values: [from], plain: false }]])
  const life = livesBefore(snapshot, last.topic, last.topicId)
  const known = snapshot.fields.some(({ name }) => name === '_epoch')
  const events = await scan(lake.table(path), snapshot, { files, columns: ['_offset', '_value', ...(known ? ['_epoch'] : [])] })
  const alive = known ? sql`AND coalesce(_epoch, 0) = ${life}` : sql``
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE recent_transactions AS
    SELECT id, ord, told_at, tables, regexp_extract(lower(id), '^(.*[:-])(\\d+)$', 1) AS origin, TRY_CAST(regexp_extract(id, '(\\d+)$', 1) AS BIGINT) AS sequence
    FROM (
      SELECT e.id AS id, min(_offset) AS ord, max(e.ts_ms) AS told_at, any_value(e.data_collections) FILTER (e.status = 'END') AS tables,
        bool_or(e.status = 'END') AS ended
      FROM (SELECT _offset, TRY(json_transform(${unwrapped(sql`_value`)}, ${shape})) AS e FROM ${events} WHERE _value IS NOT NULL AND _offset >= ${from} ${alive})
      WHERE e.id IS NOT NULL GROUP BY e.id)`)
  const found = await duck.row<{ newest: bigint | null; open: bigint | null }>(sql`
    SELECT max(ord) AS newest, max(ord) FILTER (tables IS NULL) AS open FROM recent_transactions`)
  if (found?.newest == null) return nothingTold(duck)
  // One that others came after has ended, whatever became of its last record.
  return { topic, newest: found.newest, open: found.open === found.newest ? found.newest : undefined }
}
