// Epochs: where the source's numbering began anew, events are compared no more. Each life of the topic is one, and so is what a person says.
// Guarantee: an event's epoch depends on its place (life, partition, offset) and the decisions alone; it never falls within a partition.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { join, type Sql, sql } from '../../lake/sql.ts'
import { Decisions } from '../decisions.ts'
import type { TableName } from '../source-schema.ts'

/** Content of a decision of kind `epoch`: in each of these partitions a new epoch begins with this offset. */
export interface EpochDecision {
  /** Lives that the topic had before the one meant (bronze's `_epoch`). */
  life: number
  /** Offsets as text: JSON has no 64-bit numbers. */
  places: EpochPlace[]
}

export interface EpochPlace {
  partition: number
  offset: string
  /** Of the record there alone: it was mended when silver had taken what follows it (resume.ts). */
  alone?: true
}

export interface LifePlace {
  life: number
  partition: number
  offset: bigint
}

/** A table's epoch decisions, oldest first. */
export async function epochDecisions(
  { duck, lake }: { duck: Duck; lake: Lakehouse },
  table: TableName,
): Promise<EpochDecision[]> {
  const decisions = await new Decisions(duck, lake).of<EpochDecision>(table, 'epoch')
  return decisions.map(({ content }) => content)
}

/** Lives before, and decisions at or before the place; those of earlier lives count as well. */
export function epochOf(place: LifePlace, decisions: readonly EpochDecision[]): number {
  const reached = decisions.filter(
    ({ life, places }) =>
      life < place.life ||
      (life === place.life &&
        places.some(
          ({ partition, offset, alone }) =>
            partition === place.partition && (alone ? BigInt(offset) === place.offset : BigInt(offset) <= place.offset),
        )),
  )
  return place.life + reached.length
}

/** The life in which a place of this epoch is; undefined: none has it. */
export function lifeOf(
  place: { epoch: number; partition: number; offset: bigint },
  decisions: readonly EpochDecision[],
): number | undefined {
  for (let life = place.epoch; life >= 0; life--) if (epochOf({ ...place, life }, decisions) === place.epoch) return life
  return undefined
}

/** `epochOf` over bronze's `_epoch` (the life), `_partition` and `_offset`. */
export function epochOfRow(decisions: readonly EpochDecision[]): Sql {
  const life = sql`coalesce(_epoch, 0)`
  const reached = decisions.map(({ life: of, places }) => {
    const here = places.map(
      ({ partition, offset, alone }) =>
        sql`(_partition = ${partition} AND _offset ${alone ? sql`=` : sql`>=`} ${BigInt(offset)})`,
    )
    return sql`CASE WHEN ${life} > ${of} OR (${life} = ${of} AND (${join(here, ' OR ')})) THEN 1 ELSE 0 END`
  })
  return sql`(${join([life, ...reached], ' + ')})::INTEGER`
}
