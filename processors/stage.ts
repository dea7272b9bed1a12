// Stage, first on the line: raw spool lines become rows with typed positions; what cannot is set aside with its reason.
// Guarantee: every line is either in `rows` or in `poison`, key and value byte for byte.
import type { TopicBatch } from '../connectors/source.ts'
import type { Duck } from '../lake/duckdb.ts'
import { id, join, type Sql, type SqlValue, sql } from '../lake/sql.ts'
import type { TableName } from './source-schema.ts'

/** Debezium's operations (cdc-spec §1); `m` is never MySQL's. */
export const operations = ['c', 'u', 'd', 'r', 't'] as const

/** Which event a topic carries; only row events name their table themselves. */
export type EventKind = 'row' | 'schema change' | 'transaction' | 'notification' | 'signal'

export interface Staged {
  table: TableName
  /** Bronze's columns, ready to be written. */
  rows: Sql
  /** Rows `_partition, _offset, _kafka_ts, _reason, _key, _value`; undefined when there are none. */
  poison: Sql | undefined
}

export interface StageOptions {
  table: TableName
  /** Leaves out lines that the lake already holds. */
  pending: Sql
  ingestedAt: Date
  /** Lives that the topic had before this one (epochs.ts); 0 by default. */
  epoch?: number
}

const positionShape = JSON.stringify({
  op: 'VARCHAR',
  source: {
    version: 'VARCHAR',
    db: 'VARCHAR',
    table: 'VARCHAR',
    ts_us: 'BIGINT',
    ts_ms: 'BIGINT',
    file: 'VARCHAR',
    pos: 'BIGINT',
    row: 'INTEGER',
    gtid: 'VARCHAR',
    snapshot: 'VARCHAR',
  },
  transaction: { total_order: 'BIGINT' },
})

/** What the lines of a batch are, read as columns. Costs nothing until it is used. */
export function spoolLines(batch: TopicBatch): Sql {
  const columns = sql`{'partition': 'INTEGER', 'offset': 'BIGINT', 'kafka_ms': 'BIGINT', 'headers': 'VARCHAR', 'key': 'VARCHAR', 'value': 'VARCHAR'}`
  const longest = Math.max(batch.longestLine + 1, 64 << 10)
  return sql`read_csv(${batch.spool}, auto_detect = false, header = false, delim = chr(31), quote = '', escape = '', nullstr = '\\N',
    new_line = '\\n', strict_mode = false, max_line_size = ${longest}, buffer_size = ${Math.max(longest * 2, 4 << 20)}, columns = ${columns})`
}

/**
 * The quick path: one expression over all lines, which fails as a whole if any line is not as expected. Then use `isolate`.
 */
export function stage(batch: TopicBatch, kind: EventKind, options: StageOptions): Staged {
  const { table } = options
  // Strict: a missing or ill-typed field fails. Debezium's own topics carry only some of the fields.
  const transform = kind === 'row' ? sql`json_transform_strict` : sql`json_transform`
  const event = sql`CASE WHEN value IS NULL THEN NULL ELSE ${transform}(${unwrapped(sql`value`)}, ${positionShape}) END`
  const lines = sql`SELECT *, ${event} AS e FROM ${spoolLines(batch)} WHERE ${options.pending}`
  const checked =
    kind === 'row'
      ? sql`WHERE CASE WHEN ${defect(table)} IS NULL THEN true ELSE error('binlake: a line is not an event of this table') END`
      : sql``
  return { table, rows: sql`SELECT ${bronzeColumns(batch, options)} FROM (${lines}) ${checked}`, poison: undefined }
}

/** The slow path, when `stage` failed: materialises the lines once and tells good from bad, line by line. Temp table `isolated`. */
export async function isolate(duck: Duck, batch: TopicBatch, kind: EventKind, options: StageOptions): Promise<Staged> {
  const { table } = options
  const event = sql`TRY(json_transform(${unwrapped(sql`value`)}, ${positionShape}))`
  const reason = sql`CASE
    WHEN value IS NULL THEN NULL
    WHEN NOT coalesce(json_valid(value), false) THEN 'invalid_json'
    WHEN e IS NULL THEN 'unexpected_shape'
    ${kind === 'row' ? sql`ELSE ${defect(table)}` : sql``}
  END`
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE isolated AS
    SELECT *, ${reason} AS reason FROM (SELECT *, ${event} AS e FROM ${spoolLines(batch)} WHERE ${options.pending})`)
  return {
    table,
    rows: sql`SELECT ${bronzeColumns(batch, options)} FROM isolated WHERE reason IS NULL`,
    poison: sql`SELECT partition AS _partition, "offset" AS _offset, make_timestamptz(kafka_ms * 1000) AS _kafka_ts, reason AS _reason,
      encode("key") AS _key, encode("value") AS _value FROM isolated WHERE reason IS NOT NULL`,
  }
}

/** The table a topic's events name, read from its first readable event; undefined when there is none. */
export async function tableOf(duck: Duck, batch: TopicBatch): Promise<TableName | undefined> {
  const event = sql`TRY(json_transform(${unwrapped(sql`value`)}, ${positionShape}))`
  const named = await duck.row<{ database: string; name: string }>(sql`
    SELECT e.source.db AS database, e.source."table" AS name FROM (SELECT ${event} AS e FROM ${spoolLines(batch)} WHERE value IS NOT NULL)
    WHERE e.source.db IS NOT NULL AND e.source."table" IS NOT NULL LIMIT 1`)
  return named && { database: named.database, table: named.name }
}

/** Lines the lake does not hold yet: those at or after the given offset of their partition. */
export function pendingLines(from: ReadonlyMap<number, bigint>): Sql {
  if (from.size === 0) return sql`true`
  return join(
    [...from].map(([partition, offset]) => sql`NOT (partition = ${partition} AND "offset" < ${offset})`),
    ' AND ',
  )
}

/** The payload of a `{schema, payload}` envelope, or the value itself. JsonConverter writes `schema` first, without blanks. */
export function unwrapped(value: Sql): Sql {
  return sql`CASE WHEN starts_with(${value}, '{"schema":') THEN json_extract(${value}, '$.payload')::VARCHAR ELSE ${value} END`
}

/** Why a parsed row event does not belong into this table's bronze; NULL if it does. Tombstones have no event. */
function defect({ database, table }: TableName): Sql {
  return sql`CASE
    WHEN value IS NULL THEN NULL
    WHEN e.op IS NULL OR e.op NOT IN (${join(operations.map(op => sql`${op}`))}) THEN 'unknown_operation'
    WHEN e.source.db IS DISTINCT FROM ${database} OR e.source."table" IS DISTINCT FROM ${table} THEN 'other_table'
    WHEN e.source.file IS NULL OR e.source.pos IS NULL OR coalesce(e.source.ts_us, e.source.ts_ms) IS NULL THEN 'no_position'
  END`
}

function bronzeColumns(batch: TopicBatch, { ingestedAt, epoch = 0 }: StageOptions): Sql {
  const columns: [string, SqlValue][] = [
    ['_topic', batch.topic],
    ['_partition', sql`partition`],
    ['_offset', sql`"offset"`],
    ['_kafka_ts', sql`make_timestamptz(kafka_ms * 1000)`],
    ['_ingested_at', sql`${ingestedAt.toISOString()}::TIMESTAMPTZ`],
    ['_op', sql`e.op`],
    ['_source_ts', sql`make_timestamptz(coalesce(e.source.ts_us, e.source.ts_ms * 1000))`],
    ['_file', sql`e.source.file`],
    ['_pos', sql`e.source.pos`],
    ['_row', sql`e.source.row`],
    ['_gtid', sql`e.source.gtid`],
    ['_tx_order', sql`e."transaction".total_order`],
    ['_snapshot', sql`e.source.snapshot`],
    ['_epoch', sql`${epoch}::INTEGER`],
    ['_version', sql`e.source.version`],
    ['_headers', sql`headers`],
    ['_key', sql`"key"`],
    ['_value', sql`"value"`],
  ]
  return join(columns.map(([name, value]) => sql`${value} AS ${id(name)}`))
}
