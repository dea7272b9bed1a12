// The source's transactions in the order in which they were committed, from bronze's copy of Debezium's transaction topic.
// Guarantee: a transaction stands where its first record stands; replays of the connector move nothing.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { scan } from '../../lake/scan.ts'
import { type Sql, sql } from '../../lake/sql.ts'
import { schemaChanges, topicsOf, transactions } from '../bronze-names.ts'
import { unwrapped } from '../stage.ts'
import { AsOfError } from './as-of-error.ts'

/** One transaction of temp table `source_transactions`. */
export interface SourceTransaction {
  id: string
  /** 1 is the first that the lake knows of. */
  ord: bigint
  /** What makes GTID numbers comparable (`uuid`, `uuid:tag`); null without GTIDs. */
  origin: string | null
  sequence: bigint | null
  /** Where it begins, without GTIDs. */
  file: bigint | null
  pos: bigint | null
}

/** `uuid:n` as its two parts, in SQL. */
export const originOf = (gtid: Sql) => sql`lower(regexp_extract(${gtid}, '^(.*):(\\d+)$', 1))`
export const sequenceOf = (gtid: Sql) => sql`TRY_CAST(regexp_extract(${gtid}, '^(.*):(\\d+)$', 2) AS BIGINT)`
/** `mysql-bin.000003` as its two parts, in SQL. */
export const fileBase = (file: Sql) => sql`regexp_extract(${file}, '^(.*)\\.(\\d+)$', 1)`
export const fileNumber = (file: Sql) => sql`TRY_CAST(regexp_extract(${file}, '^(.*)\\.(\\d+)$', 2) AS BIGINT)`

/**
 * Makes temp table `source_transactions` (columns as SourceTransaction, and `events`: how many in all, `tables`: how many by
 * `database.table`, both null until the end has arrived; `since`, `until`: between which Kafka times its records were sent), and `ddl_gtids`
 * (`origin`, `sequence`): statements that the topic does not tell of. Throws AS_OF_UNKNOWN without the topic.
 */
export async function readTransactions(duck: Duck, lake: Lakehouse): Promise<void> {
  const path = tablePath('bronze', transactions)
  const snapshot = await lake.current(path)
  if (!snapshot || snapshot.files.size === 0) {
    throw new AsOfError(
      'AS_OF_UNKNOWN',
      'the lake holds no transactions of the source, out of which binlog points are answered: is provide.transaction.metadata on, and has `binlake run` run?',
    )
  }
  if (new Set(topicsOf(snapshot).map(({ partition }) => partition)).size > 1)
    throw new AsOfError(
      'AS_OF_AMBIGUOUS',
      'the transaction topic has several partitions, so the order of transactions is unknown',
    )
  const columns = ['_ingested_at', '_offset', '_kafka_ts', '_value']
  const events = await scan(lake.table(path), snapshot, { columns })
  const shape = `{"id":"VARCHAR","status":"VARCHAR","event_count":"BIGINT","data_collections":[{"data_collection":"VARCHAR","event_count":"BIGINT"}]}`
  // A topic made anew counts from 0 again, but is read later.
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE source_transactions AS
    SELECT * EXCLUDE (_first), row_number() OVER (ORDER BY _first) AS ord,
      nullif(${originOf(sql`id`)}, '') AS origin, ${sequenceOf(sql`id`)} AS sequence,
      TRY_CAST(regexp_extract(id, '^file=.*\\.(\\d+),pos=(\\d+)$', 1) AS BIGINT) AS file,
      TRY_CAST(regexp_extract(id, '^file=.*\\.(\\d+),pos=(\\d+)$', 2) AS BIGINT) AS pos
    FROM (
      SELECT e.id AS id, min((_ingested_at, _offset)) AS _first, min(_kafka_ts) AS since, max(_kafka_ts) AS until,
        any_value(e.event_count) FILTER (e.status = 'END') AS events,
        any_value(e.data_collections) FILTER (e.status = 'END') AS tables
      FROM (SELECT _ingested_at, _offset, _kafka_ts, json_transform(${unwrapped(sql`_value`)}, ${shape}) AS e FROM ${events} WHERE _value IS NOT NULL)
      WHERE e.id IS NOT NULL GROUP BY e.id)`)
  await readStatements(duck, lake)
}

async function readStatements(duck: Duck, lake: Lakehouse): Promise<void> {
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE ddl_gtids (origin VARCHAR, sequence BIGINT)`)
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE ddl_places (base VARCHAR, file BIGINT, pos BIGINT)`)
  const path = tablePath('bronze', schemaChanges)
  const snapshot = await lake.current(path)
  if (!snapshot) return
  const events = await scan(lake.table(path), snapshot, { columns: ['_gtid', '_file', '_pos'] })
  await duck.run(
    sql`INSERT INTO ddl_gtids SELECT DISTINCT ${originOf(sql`_gtid`)}, ${sequenceOf(sql`_gtid`)} FROM ${events} WHERE _gtid IS NOT NULL`,
  )
  await duck.run(
    sql`INSERT INTO ddl_places SELECT DISTINCT ${fileBase(sql`_file`)}, ${fileNumber(sql`_file`)}, _pos FROM ${events} WHERE _file IS NOT NULL`,
  )
}

/** Adds to `ddl_gtids` the truncates in histories: Debezium writes them to the table's own topic alone. */
export async function addTruncates(duck: Duck, histories: readonly Sql[]): Promise<void> {
  for (const history of histories) {
    await duck.run(sql`INSERT INTO ddl_gtids SELECT DISTINCT ${originOf(sql`_gtid`)}, ${sequenceOf(sql`_gtid`)} FROM ${history}
      WHERE _op = 't' AND _gtid IS NOT NULL`)
  }
}
