// What is in quarantine: groups of records for a list, single ones to look at. Read only.
// Guarantee: tables that were made before there was a step or a state in them read as if their records had been set aside by their reasons' step.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { nameOf, tablePath, tablePaths } from '../../lake/layout.ts'
import { scan } from '../../lake/scan.ts'
import { duckType } from '../../lake/schema.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql, trusted } from '../../lake/sql.ts'
import { type QuarantineStep, quarantineFields } from '../quarantine.ts'
import type { TableName } from '../source-schema.ts'

/** Records of one table that were set aside for one reason, in one partition. */
export interface QuarantineGroup {
  /** `database.table`. */
  table: string
  reason: string
  step: QuarantineStep
  topic: string
  partition: number
  /** Those that wait for a person. */
  open: number
  /** Those that were mended, those that were given up. */
  mended: number
  dropped: number
  /** Of the open ones. */
  first: bigint | null
  last: bigint | null
  /** When the oldest open one was set aside; null: it was not noted. */
  since: Date | null
}

export interface QuarantineRecord {
  topic: string
  /** Null: a record that is in bronze, or that was set aside before lives of topics were noted. */
  topicId: string | null
  partition: number
  offset: bigint
  /** Kafka's timestamp. */
  kafkaTs: Date | null
  reason: string
  step: QuarantineStep
  since: Date | null
  settled: 'mended' | 'dropped' | null
  settledAt: Date | null
  because: string | null
  /** Sizes tell much without telling what: null for a null. */
  keyBytes: number | null
  valueBytes: number | null
}

/** A parenthesised query over the records, with all of `quarantineFields` whatever the table's age; further columns on request. */
export async function quarantined(
  lake: Lakehouse,
  name: TableName,
  { snapshot, fileColumn, values = true }: { snapshot: Snapshot; fileColumn?: string; values?: boolean },
): Promise<Sql> {
  const has = new Set(snapshot.fields.map(field => field.name))
  const wanted = quarantineFields.filter(({ name: column }) => values || (column !== '_key' && column !== '_value'))
  const held = wanted.filter(({ name: column }) => has.has(column)).map(({ name: column }) => column)
  const rows = await scan(lake.table(tablePath('quarantine', name)), snapshot, {
    columns: held,
    ...(fileColumn === undefined ? {} : { fileColumn }),
  })
  const columns = wanted.map(({ name: column, type }) => {
    const value = has.has(column) ? id(column) : sql`NULL::${trusted(duckType(type))}`
    return sql`${column === '_step' ? sql`coalesce(${value}, ${stepOfReason})` : value} AS ${id(column)}`
  })
  if (fileColumn !== undefined) columns.push(id(fileColumn))
  return sql`(SELECT ${join(columns)} FROM ${rows})`
}

const stepOfReason = sql`CASE WHEN _reason IN ('control_character', 'not_utf8') THEN 'spool' WHEN _reason = 'value_does_not_fit' THEN 'silver' ELSE 'stage' END`

/** The tables that have anything in quarantine. */
export async function quarantineTables(lake: Lakehouse): Promise<{ name: TableName; snapshot: Snapshot }[]> {
  const found: { name: TableName; snapshot: Snapshot }[] = []
  for (const path of await tablePaths(lake.store, 'quarantine')) {
    const [, database = '', table = ''] = path.split('/')
    const snapshot = await lake.current(path)
    if (snapshot) found.push({ name: { database: nameOf(database), table: nameOf(table) }, snapshot })
  }
  return found
}

/** What waits, and what was settled, of these tables. */
export async function listQuarantine(
  { duck, lake }: { duck: Duck; lake: Lakehouse },
  tables: readonly { name: TableName; snapshot: Snapshot }[],
): Promise<QuarantineGroup[]> {
  const groups: QuarantineGroup[] = []
  for (const { name, snapshot } of tables) {
    const rows = await quarantined(lake, name, { snapshot, values: false })
    const found = await duck.rows<
      Record<'open' | 'mended' | 'dropped', bigint> & Omit<QuarantineGroup, 'table' | 'open' | 'mended' | 'dropped'>
    >(sql`
      SELECT _reason AS reason, _step AS step, _topic AS topic, _partition AS partition, count(*) FILTER (_settled IS NULL) AS open,
        count(*) FILTER (_settled = 'mended') AS mended, count(*) FILTER (_settled = 'dropped') AS dropped,
        min(_offset) FILTER (_settled IS NULL) AS first, max(_offset) FILTER (_settled IS NULL) AS last,
        min(_set_aside) FILTER (_settled IS NULL) AS since
      FROM ${rows} GROUP BY ALL ORDER BY reason, step, topic, partition`)
    groups.push(
      ...found.map(group => ({
        ...group,
        table: `${name.database}.${name.table}`,
        open: Number(group.open),
        mended: Number(group.mended),
        dropped: Number(group.dropped),
      })),
    )
  }
  return groups
}

/** The records at one place, newest life of the topic first; with `bytes`, their original key and value. */
export async function recordsAt(
  { duck, lake }: { duck: Duck; lake: Lakehouse },
  name: TableName,
  { partition, offset }: { partition: number; offset: bigint },
): Promise<(QuarantineRecord & { key: string | null; value: string | null })[]> {
  const snapshot = await lake.current(tablePath('quarantine', name))
  if (!snapshot) return []
  const rows = await quarantined(lake, name, { snapshot })
  return duck.rows(sql`
    SELECT _topic AS topic, _topic_id AS "topicId", _partition AS partition, _offset AS "offset", _kafka_ts AS "kafkaTs", _reason AS reason, _step AS step,
      _set_aside AS since, _settled AS settled, _settled_at AS "settledAt", _because AS because, octet_length(_key)::INTEGER AS "keyBytes",
      octet_length(_value)::INTEGER AS "valueBytes", hex(_key) AS key, hex(_value) AS value
    FROM ${rows} WHERE _partition = ${partition} AND _offset = ${offset} ORDER BY _set_aside DESC NULLS LAST`)
}

/** How many records of a table wait; those at places in `decided` (`_topic, _partition, _from, _to`) count as settled, as they are about to be. */
export async function openRecords(
  { duck, lake }: { duck: Duck; lake: Lakehouse },
  name: TableName,
  decided?: Sql,
): Promise<{ records: number; byReason: [reason: string, records: number][] }> {
  const snapshot = await lake.current(tablePath('quarantine', name))
  if (!snapshot || snapshot.files.size === 0) return { records: 0, byReason: [] }
  if (!snapshot.fields.some(field => field.name === '_reason')) return { records: 0, byReason: [] }
  const rows = await quarantined(lake, name, { snapshot, values: false })
  const undecided = decided
    ? sql`AND NOT EXISTS (SELECT 1 FROM ${decided} AS place WHERE place._topic = record._topic AND place._partition = record._partition
        AND record._offset BETWEEN place._from AND place._to)`
    : sql``
  const counts = await duck.rows<{ reason: string; n: bigint }>(
    sql`SELECT _reason AS reason, count(*) AS n FROM ${rows} AS record WHERE _settled IS NULL ${undecided} GROUP BY ALL ORDER BY n DESC, reason`,
  )
  const byReason = counts.map(({ reason, n }) => [reason, Number(n)] as [string, number])
  return { records: byReason.reduce((sum, [, n]) => sum + n, 0), byReason }
}
