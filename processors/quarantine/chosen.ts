// Which quarantined records a person means.

import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { sql } from '../../lake/sql.ts'
import { livesBefore } from '../bronze-names.ts'
import type { TableName } from '../source-schema.ts'
import { nameOf } from '../table-name.ts'
import { quarantined, quarantineTables } from './records.ts'

/** All open records of a table, those of one reason, or the one at a place. */
export interface Choice {
  reason?: string
  at?: { partition: number; offset: bigint }
}

/** What was asked for is not in quarantine. */
export class QuarantineUnknown extends Error {
  readonly code = 'QUARANTINE_UNKNOWN'
  readonly retryable = false
}

/** The quarantine table that `table` or `database.table` names. Throws QuarantineUnknown. */
export async function quarantineTable(lake: Lakehouse, wanted: string): Promise<TableName> {
  const all = (await quarantineTables(lake)).map(({ name }) => name)
  const found = all.filter(name => name.table === wanted || nameOf(name) === wanted)
  if (found.length === 1) return found[0]!
  const known = all.map(nameOf).join(', ') || 'nothing'
  throw new QuarantineUnknown(
    found.length === 0
      ? `quarantine has nothing of a table ${wanted}; it has: ${known}`
      : `${wanted} is in several databases: say ${found.map(nameOf).join(' or ')}`,
  )
}

/**
 * Makes temp table `chosen`: the open records, one a place, with `_life` (the lives that the topic had before) told.
 * Returns how many. Throws QuarantineUnknown if a place was named and nothing waits there.
 */
export async function chooseRecords(duck: Duck, lake: Lakehouse, options: { name: TableName } & Choice): Promise<number> {
  const { name, reason, at } = options
  const snapshot = (await lake.current(tablePath('quarantine', name)))!
  const wanted = at ? sql`AND _partition = ${at.partition} AND _offset = ${at.offset}` : sql``
  const because = reason === undefined ? sql`` : sql`AND _reason = ${reason}`
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE chosen AS
    SELECT * FROM ${await quarantined(lake, name, { snapshot })} WHERE _settled IS NULL ${wanted} ${because}
    QUALIFY row_number() OVER (PARTITION BY _topic, _topic_id, _life, _partition, _offset ORDER BY _set_aside DESC) = 1`)
  await tellLives(duck, await lake.current(tablePath('bronze', name)))
  const count = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM chosen`)
  if (at && count!.n === 0n) {
    throw new QuarantineUnknown(
      `${nameOf(name)}: nothing waits in quarantine at ${at.partition}:${at.offset}${reason === undefined ? '' : ` for ${reason}`}; list it with \`binlake quarantine list ${nameOf(name)}\``,
    )
  }
  return Number(count!.n)
}

async function tellLives(duck: Duck, bronze: Snapshot | undefined): Promise<void> {
  await duck.run(sql`UPDATE chosen SET _life = 0 WHERE _topic_id IS NULL AND _life IS NULL`)
  const named = await duck.rows<{ topic: string; topicId: string }>(
    sql`SELECT DISTINCT _topic AS topic, _topic_id AS "topicId" FROM chosen WHERE _topic_id IS NOT NULL`,
  )
  for (const { topic, topicId } of named)
    await duck.run(
      sql`UPDATE chosen SET _life = ${livesBefore(bronze, topic, topicId)} WHERE _topic = ${topic} AND _topic_id = ${topicId}`,
    )
}
