// A sweep: the decision that rows which a full snapshot did not meet are gone, and the place among bronze's records where it holds.
// Guarantee: bronze's own log says from which version on it holds, so that its place is the same in Kafka's offsets and in bronze's versions.
import type { Commit } from '../../lake/actions.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { join, type Sql, sql } from '../../lake/sql.ts'

/** Content of a decision of kind `sweep`. */
export interface Sweep {
  id: string
  /** The notification that began the snapshot. */
  generation: string
  /** Milliseconds since 1970, of the connector's clock: rows without an event since then go. */
  started: number
  completed: number
  /** Where each partition of each of the topic's lives stood: the sweep holds behind all records before. */
  places: SweepPlace[]
  /** Only these rows go, whatever events they had since: `verify --repair` (gone-rows.ts). */
  rows?: GoneRow[]
}

/** A live row, by the place of the event that made it. */
export interface GoneRow {
  epoch: number
  partition: number
  offset: string
}

export interface SweepPlace {
  topic: string
  topicId: string
  /** Lives of the topic before this one. */
  life: number
  partition: number
  /** The next offset, as text: JSON has no 64-bit numbers. */
  offset: string
}

const prefix = 'binlake-sweep/'

/** The `txn` by which bronze says that a sweep holds from this version on. */
export function sweepAppId({ generation, id }: Pick<Sweep, 'generation' | 'id'>): string {
  return `${prefix}${generation}/${id}`
}

/** The sweep that a commit of bronze puts in force: it brings nothing else. */
export function sweepOf({ txns }: Pick<Commit, 'txns'>): string | undefined {
  const found = txns.find(({ appId }) => appId.startsWith(prefix))
  return found?.appId.slice(prefix.length).split('/').at(-1)
}

/** The sweeps in force at a version of bronze, oldest first. */
export function sweepsIn(bronze: Snapshot): { generation: string; id: string }[] {
  return [...bronze.txns]
    .filter(([appId]) => appId.startsWith(prefix))
    .sort(([, a], [, b]) => Number(a - b))
    .map(([appId]) => {
      const [generation = '', id = ''] = appId.slice(prefix.length).split('/')
      return { generation, id }
    })
}

/** A condition on bronze's own rows (`_epoch`, `_partition`, `_offset`): those that stand before a sweep. */
export function beforeSweep({ places }: Pick<Sweep, 'places'>): Sql {
  const conditions = places.map(
    ({ life, partition, offset }) =>
      sql`(coalesce(_epoch, 0) = ${life} AND _partition = ${partition} AND _offset < ${BigInt(offset)})`,
  )
  return conditions.length > 0 ? sql`(${join(conditions, ' OR ')})` : sql`false`
}
