// How Kafka's topics and Debezium's own events are named in bronze.
// Guarantee: an offset belongs to one life of a topic: a recreated topic has another id and starts anew.
import type { Snapshot } from '../lake/snapshot.ts'
import type { TableName } from './source-schema.ts'

/** Bronze of Debezium's own topics: everything that decides a result is in bronze. */
export const schemaChanges: TableName = { database: '_debezium', table: 'schema_changes' }
export const transactions: TableName = { database: '_debezium', table: 'transactions' }
export const notifications: TableName = { database: '_debezium', table: 'notifications' }

/** What was decided about tables (decisions.ts). */
export const decisionsTable: TableName = { database: '_binlake', table: 'decisions' }

/** The `txn` under which a bronze table holds the next offset of one partition; a recreated topic starts anew (lake-spec §3.3). */
export function offsetAppId(topic: string, topicId: string, partition: number): string {
  return `binlake/${topic}#${topicId}/${partition}`
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
