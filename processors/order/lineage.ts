// Lineage: which of the logs that were read, one after the other, an event's binlog file belongs to. Files of two logs do not compare (cdc-spec §2.4).
// Guarantee: read out of bronze's own log, where follow-binlog.ts counted it: merges and rebuilds see the same numbers.
import type { Snapshot } from '../../lake/snapshot.ts'
import { join, type Sql, sql } from '../../lake/sql.ts'
import { livesBefore } from '../bronze-names.ts'

/** What a partition has read last. */
export interface Binlog {
  lineage: number
  base: string
  number: bigint
}

/** One life of a topic. */
export interface Life {
  topic: string
  topicId: string
}

/** Over bronze's `_epoch` (the life), `_partition` and `_offset`: the lineage of a row's place. */
export function lineageOfRow(bronze: Snapshot): Sql {
  const begun = [...bronze.txns].flatMap(([appId, offset]) => {
    const match = /^binlake-lineage\/(.+)#([^#/]*)\/(\d+)\/(\d+)$/.exec(appId)
    if (!match) return []
    const life = livesBefore(bronze, match[1]!, match[2]!)
    return [{ life, partition: Number(match[3]), lineage: Number(match[4]), offset }]
  })
  if (begun.length === 0) return sql`0::INTEGER`
  const cases = begun
    .sort((a, b) => b.lineage - a.lineage)
    .map(
      ({ life, partition, lineage, offset }) =>
        sql`WHEN coalesce(_epoch, 0) = ${life} AND _partition = ${partition} AND _offset >= ${offset} THEN ${lineage}`,
    )
  return sql`(CASE ${join(cases, ' ')} ELSE 0 END)::INTEGER`
}

/** The `txn` that holds the number of the newest binlog file that a partition has read of a log. */
export function binlogAppId({ topic, topicId }: Life, partition: number, { lineage, base }: Binlog): string {
  return `binlake-binlog/${topic}#${topicId}/${partition}/${lineage}/${base}`
}

/** The `txn` that holds the first offset of a log in a partition. The first log has none. */
export function lineageAppId({ topic, topicId }: Life, partition: number, lineage: number): string {
  return `binlake-lineage/${topic}#${topicId}/${partition}/${lineage}`
}

/** The `txn` that notes a truncate of a topic of several partitions: its place, and as version the same offset. */
export function truncateAppId({ topic, topicId }: Life, partition: number, offset: bigint): string {
  return `binlake-truncate/${topic}#${topicId}/${partition}/${offset}`
}

/** By partition of this life of the topic. */
export function newestBinlogs(base: Snapshot | undefined, { topic, topicId }: Life): Map<number, Binlog> {
  const prefix = `binlake-binlog/${topic}#${topicId}/`
  const newest = new Map<number, Binlog>()
  for (const [appId, number] of base?.txns ?? []) {
    const match = appId.startsWith(prefix) && /^(\d+)\/(\d+)\/(.*)$/s.exec(appId.slice(prefix.length))
    if (!match) continue
    const [partition, lineage] = [Number(match[1]), Number(match[2])]
    if ((newest.get(partition)?.lineage ?? -1) < lineage) newest.set(partition, { lineage, base: match[3]!, number })
  }
  return newest
}
