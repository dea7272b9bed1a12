// Quarantined records read once more, as if they came from Kafka now: those that can stand in bronze, and why the others still cannot.
// Guarantee: a record keeps its place, its time and its key; its value is the original or the one that a person gave, byte for byte.
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import type { TopicBatch } from '../../connectors/source.ts'
import { Spool } from '../../connectors/spool.ts'
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { type Sql, sql } from '../../lake/sql.ts'
import type { TableName } from '../source-schema.ts'
import { isolate } from '../stage.ts'

export interface Restaging {
  name: TableName
  topic: string
  /** Lives that the topic had before this one. */
  life: number
  /** A query over records as in temp table `chosen`; read in pages. */
  records: Sql
  /** Instead of the original value. */
  value?: Buffer
  ingestedAt: Date
}

/** Records held in memory at once. */
const page = 2_000

/** Makes temp table `restaged` (bronze's columns) and adds to temp table `unfit` (`_topic, _life, _partition, _offset, _reason`). */
export async function restage(duck: Duck, lake: Lakehouse, options: Restaging): Promise<void> {
  const { name, topic, life, ingestedAt, records } = options
  const spool = new Spool(joinPath(lake.store.scratch, `mend-${randomUUID()}.spool`))
  try {
    const batch = await spooled(duck, spool, options)
    const { rows, poison } = await isolate(duck, batch, 'row', { table: name, pending: sql`true`, ingestedAt, epoch: life })
    // Among partitions the time of arrival counts: it came when it was set aside.
    await duck.run(sql`CREATE OR REPLACE TEMP TABLE restaged AS
      SELECT row.* REPLACE (coalesce(record._set_aside, record._kafka_ts) AS _ingested_at)
      FROM (${rows}) AS row JOIN (${records}) AS record USING (_partition, _offset)`)
    await duck.run(sql`INSERT INTO unfit SELECT ${topic}, ${life}, _partition, _offset, _reason FROM (${poison!})`)
    for (const { partition, offset, reason } of batch.poison)
      await duck.run(sql`INSERT INTO unfit VALUES (${topic}, ${life}, ${partition}, ${offset}, ${reason})`)
  } finally {
    await rm(spool.file, { force: true })
  }
}

async function spooled(duck: Duck, spool: Spool, { topic, records, value }: Restaging): Promise<TopicBatch> {
  for (let from = 0; ; from += page) {
    const rows = await duck.rows<{ partition: number; offset: bigint; ms: bigint; key: string | null; value: string | null }>(sql`
      SELECT _partition AS partition, _offset AS "offset", coalesce(epoch_ms(_kafka_ts), 0) AS ms, hex(_key) AS key, hex(_value) AS value
      FROM (${records}) ORDER BY _partition, _offset LIMIT ${page} OFFSET ${from}`)
    for (const row of rows) {
      const bytes = value ?? unhex(row.value)
      spool.append(row.partition, row.offset, Number(row.ms), null, unhex(row.key), bytes)
      spool.covered(row.partition, row.offset, row.offset + 1n)
    }
    if (rows.length < page) return spool.finish(topic, '')
  }
}

function unhex(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text, 'hex')
}
