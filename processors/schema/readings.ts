// How the events of a batch are to be read: which schema each had when it was written, and which fields its image has.
// Guarantee: an event belongs to the schema valid at its place in the source's log; a field that no schema has is an error, never passed over.
import type { Duck } from '../../lake/duckdb.ts'
import { join, type Sql, sql } from '../../lake/sql.ts'
import { parseFile } from '../order/source-position.ts'
import type { Era, SourceTable } from '../source-schema.ts'
import { unwrapped } from '../stage.ts'
import { isFrom } from './place.ts'

/** Events carry a column that the table's known schemas have not: the schema change has not been read yet, or never came. */
export class UnknownColumns extends Error {
  readonly code = 'SCHEMA_BEHIND'
  readonly retryable = true
}

/** Events that are read alike. */
export interface Reading {
  reads: Era['reads']
  /** The fields of the image; null for events without one. */
  image: readonly string[] | null
  /** `AND …`, or nothing where it is all of them. */
  where: Sql
}

/** Of the new image, or the old one where a row was deleted. An event without any gives an empty list, or NULL. Reads each value once. */
const imageKeys = sql`CASE WHEN _op = 'd' THEN ${keysOf('$.before')} ELSE ${keysOf('$.after')} END`

function keysOf(image: string): Sql {
  return sql`json_keys(${unwrapped(sql`_value`)}, ${image})`
}

const withImage = sql`_value IS NOT NULL AND _op <> 't'`

/**
 * One reading as a rule, more where a column came, went or changed its type among these rows. Parsing passes over fields that it was not
 * told of, so a column that no schema has would go unseen: it is an error (cdc-spec §4). Throws UnknownColumns.
 */
export async function readingsOf(duck: Duck, bronze: Sql, schema: SourceTable): Promise<Reading[]> {
  const { timeline } = schema
  const eras = timeline?.eras ?? [{ id: '', schema, reads: asItIs(schema) }]
  const found = (await inLastEra(duck, bronze, schema)) ?? (await inEras(duck, bronze, schema))
  const groups = new Map<string, { read: Era; names: string[] | null; eras: Set<number> }>()
  for (const { names, era } of found) {
    if (era < (timeline?.generation ?? 0)) continue
    const read = eras[eraKnowing(names, era, schema)]!
    const key = JSON.stringify([names, signature(read)])
    const group = groups.get(key) ?? { read, names, eras: new Set() }
    group.eras.add(era)
    groups.set(key, group)
  }
  const parts = [...groups.values()]
  if (parts.length === 0) return [{ reads: eras.at(-1)!.reads, image: null, where: sql`AND false` }]
  // An event without an image reads the same in any way.
  const imaged = parts.filter(({ names }) => names !== null)
  if (imaged.length === 1 && found.every(({ names, era }) => names === null || imaged[0]!.eras.has(era)))
    return [{ reads: imaged[0]!.read.reads, image: imaged[0]!.names, where: sql`` }]
  const several = new Set(found.map(({ era }) => era)).size > 1
  return parts.map(part => {
    const image = part.names
    const then = several ? sql`AND ${eraOf(schema)} IN (${join([...part.eras].map(era => sql`${era}`))})` : sql``
    const alike = image ? sql`${imageKeys} = ${[...image]}` : sql`coalesce(len(${imageKeys}), 0) = 0`
    return { reads: part.read.reads, image, where: sql`AND ${alike} ${then}` }
  })
}

type Found = { names: string[] | null; era: number }[]

/** The usual case, told by the least place of the batch: all its events are of the last era. Undefined: they are not. */
async function inLastEra(duck: Duck, bronze: Sql, { timeline }: SourceTable): Promise<Found | undefined> {
  const last = timeline?.eras.at(-1)
  if (!timeline || timeline.eras.length === 1) {
    const rows = await duck.rows<{ names: string[] | null }>(
      sql`SELECT DISTINCT ${imageKeys} AS names FROM ${bronze} WHERE ${withImage}`,
    )
    return rows.map(({ names }) => ({ names: present(names), era: 0 }))
  }
  const from = last!.from!
  const file = from.file === null || from.pos === null ? undefined : parseFile(from.file)
  if (!file || timeline.byTime) return undefined
  const rows = await duck.rows<{ names: string[] | null; file: string | null; pos: bigint | null; ts: bigint | null }>(sql`
    SELECT ${imageKeys} AS names, _file AS file, min(_pos) AS pos, epoch_us(min(_source_ts)) AS ts FROM ${bronze} WHERE ${withImage} GROUP BY ALL`)
  const behind = rows.every(row => {
    const own = row.file === null ? undefined : parseFile(row.file)
    if (!own || own.base !== file.base || row.pos === null || row.ts === null) return false
    const after = own.number > file.number || (own.number === file.number && row.pos >= from.pos!)
    return after && (from.tsUs === null || row.ts >= from.tsUs)
  })
  return behind ? rows.map(({ names }) => ({ names: present(names), era: timeline.eras.length - 1 })) : undefined
}

function present(names: string[] | null): string[] | null {
  return names && names.length > 0 ? names : null
}

async function inEras(duck: Duck, bronze: Sql, schema: SourceTable): Promise<Found> {
  const rows = await duck.rows<{ names: string[] | null; era: number }>(
    sql`SELECT DISTINCT ${imageKeys} AS names, ${eraOf(schema)} AS era FROM ${bronze} WHERE ${withImage}`,
  )
  return rows.map(({ names, era }) => ({ names: present(names), era }))
}

/** SQL: the number of the era that an event belongs to. */
function eraOf({ timeline }: SourceTable): Sql {
  const { eras, byTime } = timeline!
  const cases = eras.flatMap(({ from }, i) => (from && i > 0 ? [sql`WHEN ${isFrom(from, { byTime })} THEN ${i}`] : []))
  return cases.length === 0 ? sql`0` : sql`CASE ${join(cases.reverse(), ' ')} ELSE 0 END`
}

/**
 * An event's own era; where its place told a wrong one, the nearest that has its very fields, or all of them beside others, later ones first: a
 * connector leaves none out, so that a field which an event lacks had not come yet, or was gone.
 */
function eraKnowing(names: readonly string[] | null, era: number, schema: SourceTable): number {
  const { eras, generation } = schema.timeline ?? { eras: [{ schema }], generation: 0 }
  const columnsOf = (i: number) => new Set(eras[i]!.schema.columns.map(({ name }) => name.toLowerCase()))
  const unknownTo = (i: number) => (names ?? []).filter(name => !columnsOf(i).has(name.toLowerCase()))
  const later = Array.from({ length: eras.length - era - 1 }, (_, i) => era + 1 + i)
  const earlier = Array.from({ length: era - generation }, (_, i) => era - 1 - i)
  const fitting = [era, ...later, ...earlier].filter(i => unknownTo(i).length === 0)
  const found = fitting.find(i => names === null || columnsOf(i).size === names.length) ?? fitting[0]
  if (found !== undefined) return found
  throw new UnknownColumns(
    `${schema.database}.${schema.table}: events carry columns that no schema change has told of: ${unknownTo(era).join(', ')}. Is include.schema.changes on?`,
  )
}

function asItIs({ columns }: SourceTable): Era['reads'] {
  return new Map(columns.map(column => [column.name, { column }]))
}

/** Equal where events are parsed alike. */
function signature({ reads }: Era): string {
  return JSON.stringify([...reads], (name, value) =>
    name === 'position' || name === 'optional' || name === 'charset' ? undefined : value,
  )
}
