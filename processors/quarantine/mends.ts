// What people decided about quarantined records (decisions of kind `mend`): places in Kafka, and what became of the records there.
// Guarantee: of several decisions about one place the newest holds; a decision names places and reasons, never a key or a value.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { join, type Sql, sql } from '../../lake/sql.ts'
import { Decisions } from '../decisions.ts'
import type { TableName } from '../source-schema.ts'

/** mended: read as it came. corrected: bronze holds another value for it beside the first. dropped: given up. */
export type MendKind = 'mended' | 'corrected' | 'dropped'

export interface Mend {
  id: string
  how: MendKind
  because?: string
  places: MendedPlaces[]
}

export interface MendedPlaces {
  topic: string
  /** Lives that the topic had before, as bronze's `_epoch`. */
  life: number
  partition: number
  /** Ranges of offsets, both ends included, as text: JSON has no 64-bit numbers. */
  offsets: [from: string, to: string][]
}

/** The header that a corrected record carries in bronze, with its decision's id. */
export const mendHeader = 'binlake.mend'
/** The progress under which bronze counts a table's mends; such a commit is taken by silver in its own way (remake-keys.ts). */
export const mendAppId = 'binlake mend'

/** Oldest first. */
export async function mendsOf(duck: Duck, lake: Lakehouse, table: TableName): Promise<Mend[]> {
  const decisions = await new Decisions(duck, lake).of<Mend>(table, 'mend')
  return decisions.map(({ content }) => content)
}

/** A query `_topic, _life, _partition, _from, _to, _nth, _how, _id` over the places of mends. */
export function placesOf(mends: readonly Mend[]): Sql {
  const rows = mends.flatMap(({ id: mend, how, places }, nth) =>
    places.flatMap(({ topic, life, partition, offsets }) =>
      offsets.map(
        ([from, to]) => sql`(${topic}, ${life}, ${partition}, ${BigInt(from)}, ${BigInt(to)}, ${nth}, ${how}, ${mend})`,
      ),
    ),
  )
  const none = sql`SELECT NULL::VARCHAR, NULL::INTEGER, NULL::INTEGER, NULL::BIGINT, NULL::BIGINT, NULL::INTEGER, NULL::VARCHAR, NULL::VARCHAR WHERE false`
  return sql`(SELECT * FROM (${rows.length > 0 ? sql`VALUES ${join(rows)}` : none}) AS t(_topic, _life, _partition, _from, _to, _nth, _how, _id))`
}

/** Offsets in growing order as ranges. */
export function rangesOf(offsets: readonly bigint[]): [from: string, to: string][] {
  const ranges: { from: bigint; to: bigint }[] = []
  for (const offset of offsets) {
    const last = ranges.at(-1)
    if (last && offset === last.to + 1n) last.to = offset
    else if (!last || offset !== last.to) ranges.push({ from: offset, to: offset })
  }
  return ranges.map(({ from, to }) => [String(from), String(to)])
}

/**
 * Bronze rows without those that a person put others in the place of, or gave up. `rows` must have `_topic`, `_epoch` and `_headers`.
 * Undefined: there is nothing to leave out, and those columns need not be read.
 */
export function withoutReplaced(mends: readonly Mend[]): ((rows: Sql) => Sql) | undefined {
  if (!mends.some(({ how }) => how !== 'mended')) return undefined
  const newest = sql`(SELECT arg_max(_how, _nth) AS how, arg_max(_id, _nth) AS mend FROM ${placesOf(mends)} AS place
    WHERE place._topic = row._topic AND place._life = coalesce(row._epoch, 0) AND place._partition = row._partition AND row._offset BETWEEN place._from AND place._to)`
  return rows => sql`(SELECT row.* FROM ${rows} AS row LEFT JOIN LATERAL ${newest} AS said ON true
    WHERE CASE coalesce(said.how, 'mended') WHEN 'mended' THEN true WHEN 'dropped' THEN false
      ELSE coalesce(contains(row._headers, said.mend), false) END)`
}
