// How Kafka's topics and Debezium's own events are named in bronze.
// Guarantee: an offset belongs to one life of a topic: a recreated topic has another id and starts anew.
import type { Snapshot } from '../lake/snapshot.ts'
import type { TableName } from './source-schema.ts'

/** Bronze of Debezium's own topics: everything that decides a result is in bronze. */
export const schemaChanges: TableName = { database: '_debezium', table: 'schema_changes' }
export const transactions: TableName = { database: '_debezium', table: 'transactions' }
export const notifications: TableName = { database: '_debezium', table: 'notifications' }
export const signals: TableName = { database: '_debezium', table: 'signals' }

/** What was decided about tables (decisions.ts). */
export const decisionsTable: TableName = { database: '_binlake', table: 'decisions' }

/** What verifications on a schedule found (verify/verifications.ts). */
export const verificationsTable: TableName = { database: '_binlake', table: 'verifications' }

/** The `txn` under which a bronze table holds the next offset of one partition; a recreated topic starts anew (lake-spec §3.3). */
export function offsetAppId(topic: string, topicId: string, partition: number): string {
  return `binlake/${topic}#${topicId}/${partition}`
}

/** The `txn` that counts a topic's life: its version is the number of lives before, of any topic of this table. The first life has none. */
export function lifeAppId(topic: string, topicId: string): string {
  return `binlake-life/${topic}#${topicId}`
}

/** The `txn` that holds when bronze got its last records (`_ingested_at`, milliseconds): two workers cannot both come next. */
export const arrivalAppId = 'binlake-arrival'

/** Lives that the table's topic had before this one: 0 for the first, and for the one that is about to begin as many as bronze knows. */
export function livesBefore(bronze: Snapshot | undefined, topic: string, topicId: string): number {
  const counted = bronze?.txns.get(lifeAppId(topic, topicId))
  if (counted !== undefined) return Number(counted)
  const lives = new Set(bronze ? topicsOf(bronze).map(held => `${held.topic}#${held.topicId}`) : [])
  return lives.has(`${topic}#${topicId}`) ? 0 : lives.size
}

/** Whether a table holds two lives of its topic that were not counted: binlake before there were epochs let them in. */
export function hasUncountedLives(bronze: Snapshot): boolean {
  const lives = new Map(topicsOf(bronze).map(({ topic, topicId }) => [`${topic}#${topicId}`, lifeAppId(topic, topicId)]))
  return [...lives.values()].filter(appId => !bronze.txns.has(appId)).length > 1
}

/** The topics whose offsets a bronze table holds, oldest first. */
export function topicsOf(bronze: Snapshot): { topic: string; topicId: string; partition: number }[] {
  return [...bronze.txns.keys()].map(parseOffsetAppId).filter(parsed => parsed !== undefined)
}

/** Whether a bronze table is no table of the source: one of Debezium's own topics, or ours. Those have no silver. */
export function isDebeziums({ database }: TableName): boolean {
  return database === schemaChanges.database || database === decisionsTable.database
}

/** Reads `offsetAppId` back; undefined for a txn that is no offset. */
export function parseOffsetAppId(appId: string): { topic: string; topicId: string; partition: number } | undefined {
  const match = /^binlake\/(.+)#([^#/]*)\/(\d+)$/.exec(appId)
  return match ? { topic: match[1]!, topicId: match[2]!, partition: Number(match[3]) } : undefined
}
