// Which quarantined records a person means.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { sql } from '../../lake/sql.ts'
import type { TableName } from '../source-schema.ts'
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
 * Makes temp table `chosen`: the open records, one a place, with `_topic, _topic_id, _partition, _offset, _kafka_ts, _reason, _step, _key, _value`.
 * Returns how many. Throws QuarantineUnknown if a place was named and nothing waits there.
 */
export async function chooseRecords(duck: Duck, lake: Lakehouse, options: { name: TableName } & Choice): Promise<number> {
  const { name, reason, at } = options
  const snapshot = (await lake.current(tablePath('quarantine', name)))!
  const wanted = at ? sql`AND _partition = ${at.partition} AND _offset = ${at.offset}` : sql``
  const because = reason === undefined ? sql`` : sql`AND _reason = ${reason}`
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE chosen AS
    SELECT * FROM ${await quarantined(lake, name, { snapshot })} WHERE _settled IS NULL ${wanted} ${because}
    QUALIFY row_number() OVER (PARTITION BY _topic, _topic_id, _partition, _offset ORDER BY _set_aside DESC) = 1`)
  const count = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM chosen`)
  if (at && count!.n === 0n) {
    throw new QuarantineUnknown(
      `${nameOf(name)}: nothing waits in quarantine at ${at.partition}:${at.offset}${reason === undefined ? '' : ` for ${reason}`}; list it with \`binlake quarantine list ${nameOf(name)}\``,
    )
  }
  return Number(count!.n)
}

export function nameOf({ database, table }: TableName): string {
  return `${database}.${table}`
}
