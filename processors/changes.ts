// Changes: bronze rows of one table, typed from their JSON, masked, with their positions. Everything after works on this temp table.
// Guarantee: a value that does not fit its column's type sets its row aside; nothing unmasked is kept.
import type { Duck } from '../lake/duckdb.ts'
import { duckType } from '../lake/schema.ts'
import { id, join, type Sql, sql, trusted } from '../lake/sql.ts'
import type { MaskPlan } from '../privacy/mask.ts'
import { columnType } from './column-types.ts'
import { isDataError } from './data-error.ts'
import { isMultiset } from './multiset/copies.ts'
import { hashedColumns, rowHash } from './multiset/row-hash.ts'
import { bronzeColumnsRead } from './own-columns.ts'
import type { SourceTable } from './source-schema.ts'
import { unwrapped } from './stage.ts'

/** Bronze columns that travel with a change. */
const carried = bronzeColumnsRead.slice(1)

/** Events carry a column that the table's known schema has not: the schema change has not been read yet, or never came. */
export class UnknownColumns extends Error {
  readonly code = 'SCHEMA_BEHIND'
  readonly retryable = true
}

/**
 * Makes temp table `changes` from rows of bronze: the policy's columns, `carried`, and `_bad` (true: a value did not fit).
 * Truncates and tombstones have no image: they are left to the caller, by `_op`. Throws UnknownColumns.
 */
export async function typeChanges(duck: Duck, bronze: Sql, options: { schema: SourceTable; mask: MaskPlan }): Promise<void> {
  const images = await imagesOf(duck, bronze, options.schema)
  await options.mask.bind(duck)
  const part = (lenient: boolean) =>
    join(
      images.flatMap(image =>
        sidesOf(options.mask).map(side => masked(bronze, { ...options, image, side, lenient, several: images.length > 1 })),
      ),
      ' UNION ALL ',
    )
  try {
    await duck.run(sql`CREATE OR REPLACE TEMP TABLE changes AS ${numbered(part(false), options)}`)
  } catch (error) {
    if (!isDataError(error)) throw error
    await duck.run(sql`CREATE OR REPLACE TEMP TABLE changes AS ${numbered(part(true), options)}`)
  }
}

/** `_row_id` names a change from here on; no column of silver is called so (own-columns.ts). */
function numbered(rows: Sql, { schema, mask }: { schema: SourceTable; mask: MaskPlan }): Sql {
  const hash = isMultiset(mask.primaryKey) ? sql`, ${rowHash(hashedColumns(mask, schema))} AS _row_hash` : sql``
  return sql`SELECT row_number() OVER () AS _row_id, *${hash} FROM (${rows})`
}

/** A table without a key counts both images of a change, each as a row: what goes and what comes. */
const bothSides = [
  { image: 'before', delta: -1, ops: ['u', 'd'] },
  { image: 'after', delta: 1, ops: ['c', 'u', 'r'] },
] as const
type Side = (typeof bothSides)[number]

function sidesOf(mask: MaskPlan): readonly (Side | undefined)[] {
  return isMultiset(mask.primaryKey) ? bothSides : [undefined]
}

interface Part {
  schema: SourceTable
  mask: MaskPlan
  /** The fields of the image, as some events of bronze have them. */
  image: readonly string[] | null
  /** Whether events with other fields are in the same rows, and must be left out. */
  several: boolean
  /** A row that does not fit gets `_bad` instead of failing the statement. */
  lenient: boolean
  /** One image of each change; absent: the new one, with the key of a deleted row. */
  side?: Side | undefined
}

function masked(bronze: Sql, { schema, mask, image, several, lenient, side }: Part): Sql {
  const guard = (value: Sql) => (lenient ? sql`TRY(${value})` : value)
  const event = guard(sql`json_transform_strict(${unwrapped(sql`_value`)}, ${shape({ schema, mask }, image, side)})`)
  const alike = several ? sql`AND ${imageKeys} IS NOT DISTINCT FROM ${image === null ? null : [...image]}` : sql``
  const one = side ? sql`AND _op IN (${join(side.ops.map(op => sql`${op}`))})` : sql``
  const parsed = sql`SELECT ${join(carried.map(name => sql`${id(name)} AS ${apart(name)}`))}, ${event} AS ${apart('event')}
    FROM ${bronze} WHERE _value IS NOT NULL AND _op <> 't' ${alike} ${one}`
  const spelled = spellingIn(image)
  const typed = schema.columns
    .filter(({ name }) => isRead({ schema, mask }, name))
    .map(column => {
      const type = columnType(column, schema)
      const key = schema.primaryKey.includes(column.name)
      const name = spelled(column.name)
      const after = name === undefined ? sql`NULL` : sql`${apart('event')}."after".${id(name)}`
      // Only the key of a deleted row is needed, so the old image is parsed no further.
      const before = sql`${apart('event')}."before".${id(name ?? column.name)}`
      const old = name === undefined ? sql`NULL` : before
      const value =
        side?.image === 'before' ? old : key ? sql`CASE WHEN ${apart('_op')} = 'd' THEN ${before} ELSE ${after} END` : after
      return {
        name: column.name,
        present: sql`${value} IS NOT NULL`,
        value: guard(sql`CAST(${type.fromJson(value)} AS ${trusted(duckType(type.delta))})`),
      }
    })
  const bad = join(
    [sql`${apart('event')} IS NULL`, ...typed.map(({ present, value }) => sql`(${present} AND ${value} IS NULL)`)],
    ' OR ',
  )
  const own = [...carried, '_bad']
  const rows = sql`SELECT ${join(carried.map(apart))}, ${lenient ? bad : sql`false`} AS ${apart('_bad')}, ${join(typed.map(({ name, value }) => sql`${value} AS ${id(name)}`))} FROM (${parsed})`
  const delta = side ? sql`, ${side.delta} AS _delta` : sql``
  return sql`SELECT ${join(mask.columns.map(column => sql`${column.expr} AS ${id(column.name)}`))}${delta}, ${join(own.map(name => sql`${apart(name)} AS ${id(name)}`))} FROM (${rows})`
}

/** A name for a column of ours beside source columns of any name: those cannot end with a space. */
function apart(name: string): Sql {
  return id(`${name} `)
}

/** How an image spells a column, if it has it: MySQL takes upper and lower case for one, and a rename may change no more than that. */
function spellingIn(image: readonly string[] | null): (name: string) => string | undefined {
  if (image === null) return name => name
  const spellings = new Map(image.map(name => [name.toLowerCase(), name]))
  return name => spellings.get(name.toLowerCase())
}

/** Columns that the policy drops are not even parsed. */
function isRead({ schema, mask }: Pick<Part, 'schema' | 'mask'>, name: string): boolean {
  return schema.primaryKey.includes(name) || mask.reads.includes(name)
}

/** The JSON shape that is parsed: the columns of the new image, the key of the old. Strict parsing wants every field to be there. */
function shape({ schema, mask }: Pick<Part, 'schema' | 'mask'>, image: readonly string[] | null, side?: Side): string {
  const { columns, primaryKey } = schema
  const spelled = spellingIn(image)
  const types = columns
    .filter(({ name }) => isRead({ schema, mask }, name))
    .map(column => ({ column: column.name, name: spelled(column.name), type: columnType(column).jsonType }))
  const whole = Object.fromEntries(types.flatMap(({ name, type }) => (name === undefined ? [] : [[name, type]])))
  if (side) return JSON.stringify({ [side.image]: whole })
  return JSON.stringify({
    before: Object.fromEntries(
      types.filter(({ column }) => primaryKey.includes(column)).map(({ column, name, type }) => [name ?? column, type]),
    ),
    after: whole,
  })
}

/** Of the new image, or the old one where a row was deleted. NULL for an event without any: DuckDB gives an empty list. */
const imageKeys = sql`coalesce(${join(['$.after', '$.before'].map(path => sql`nullif(json_keys(${unwrapped(sql`_value`)}, ${path}), [])`))})`

/**
 * The field lists of the images, null for events without one: one list as a rule, more where a column came or went.
 * Parsing passes over fields it was not told of, so a column that the schema has not would go unseen: it is an error (cdc-spec §4).
 */
async function imagesOf(duck: Duck, bronze: Sql, schema: SourceTable): Promise<(readonly string[] | null)[]> {
  const found = await duck.rows<{ names: string[] | null }>(
    sql`SELECT DISTINCT ${imageKeys} AS names FROM ${bronze} WHERE _value IS NOT NULL AND _op <> 't'`,
  )
  const known = new Set(schema.columns.map(({ name }) => name.toLowerCase()))
  const unknown = new Set(found.flatMap(({ names }) => names ?? []).filter(name => !known.has(name.toLowerCase())))
  if (unknown.size > 0) {
    throw new UnknownColumns(
      `${schema.database}.${schema.table}: events carry columns that no schema change has told of: ${[...unknown].join(', ')}. Is include.schema.changes on?`,
    )
  }
  const images = found.map(({ names }) => names)
  // An event without an image reads the same under any list.
  const present = images.filter(names => names !== null)
  if (present.length === 1) return present
  return images.length > 0 ? images : [null]
}
