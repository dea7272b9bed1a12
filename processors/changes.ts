// Changes: bronze rows of one table, typed from their JSON, masked, with their positions. Everything after works on this temp table.
// Guarantee: a value that does not fit its column's type sets its row aside; nothing unmasked is kept.
import type { Duck } from '../lake/duckdb.ts'
import { duckType, sameType } from '../lake/schema.ts'
import { id, join, type Sql, sql, trusted } from '../lake/sql.ts'
import type { MaskPlan } from '../privacy/mask.ts'
import { type ColumnType, columnType } from './column-types.ts'
import { isDataError } from './data-error.ts'
import { type DeclaredUnits, declaredUnits } from './declared-units.ts'
import { isMultiset } from './multiset/copies.ts'
import { hashedColumns, rowHash } from './multiset/row-hash.ts'
import { bronzeColumnsRead } from './own-columns.ts'
import { type Reading, readingsOf } from './schema/readings.ts'
import type { SourceColumn, SourceTable } from './source-schema.ts'
import { unwrapped } from './stage.ts'

/** Bronze columns that travel with a change. */
const carried = bronzeColumnsRead.slice(1)

/**
 * Makes temp table `changes` from rows of bronze: the policy's columns, `carried`, and `_bad` (true: a value did not fit).
 * Truncates and tombstones have no image: they are left to the caller, by `_op`. Throws UnknownColumns.
 */
export async function typeChanges(duck: Duck, bronze: Sql, options: { schema: SourceTable; mask: MaskPlan }): Promise<void> {
  const units = await declaredUnits(duck, bronze, options.schema)
  const readings = await readingsOf(duck, bronze, options.schema)
  await options.mask.bind(duck)
  const part = (lenient: boolean) =>
    join(
      readings.flatMap(reading =>
        sidesOf(options.mask).map(side => masked(bronze, { ...options, ...reading, side, lenient, units })),
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

interface Part extends Reading {
  schema: SourceTable
  mask: MaskPlan
  /** A row that does not fit gets `_bad` instead of failing the statement. */
  lenient: boolean
  /** One image of each change; absent: the new one, with the key of a deleted row. */
  side?: Side | undefined
  /** What the events say themselves of how they are written. */
  units?: DeclaredUnits | undefined
}

function masked(bronze: Sql, { schema, mask, lenient, side, units, ...reading }: Part): Sql {
  const guard = (value: Sql) => (lenient ? sql`TRY(${value})` : value)
  const event = guard(sql`json_transform_strict(${unwrapped(sql`_value`)}, ${shape({ schema, mask, ...reading }, side)})`)
  const one = side ? sql`AND _op IN (${join(side.ops.map(op => sql`${op}`))})` : sql``
  const parsed = sql`SELECT ${join(carried.map(name => sql`${id(name)} AS ${apart(name)}`))}, ${event} AS ${apart('event')}${units ? sql`, ${units.schema} AS ${apart('schema')}` : sql``}
    FROM ${bronze} WHERE _value IS NOT NULL AND _op <> 't' ${reading.where} ${one}`
  const typed = schema.columns
    .filter(({ name }) => isRead({ schema, mask }, name))
    .map(column => {
      const { value, raw } = typedValue(column, { schema, side, units, ...reading })
      return { name: column.name, present: sql`${raw} IS NOT NULL`, value: guard(value) }
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

/** A column of silver out of an event: as it was declared then, of the type that silver has. `raw` is what the event says. */
function typedValue(
  column: SourceColumn,
  { schema, reads, image, side, units }: Reading & Pick<Part, 'schema' | 'side' | 'units'>,
): { raw: Sql; value: Sql } {
  const wanted = columnType(column, schema)
  const cast = (value: Sql, type: ColumnType) => sql`CAST(${value} AS ${trusted(duckType(type.delta))})`
  const read = reads.get(column.name)
  if (!read) return { raw: sql`NULL`, value: cast(sql`NULL`, wanted) }
  if ('fill' in read) {
    const fill = cast(wanted.fromMysql(sql`${read.fill}`), wanted)
    return { raw: sql`NULL`, value: side ? fill : sql`CASE WHEN ${apart('_op')} <> 'd' THEN ${fill} END` }
  }
  const type = columnType(read.column, schema)
  const name = spellingIn(image)(read.column.name)
  const after = name === undefined ? sql`NULL` : sql`${apart('event')}."after".${id(name)}`
  // Only the key of a deleted row is needed, so the old image is parsed no further.
  const before = sql`${apart('event')}."before".${id(name ?? read.column.name)}`
  const whole = side?.image === 'before' ? (name === undefined ? sql`NULL` : before) : after
  const isKey = schema.primaryKey.includes(column.name) && side === undefined
  const written = isKey ? sql`CASE WHEN ${apart('_op')} = 'd' THEN ${before} ELSE ${after} END` : whole
  const found = units ? units.usual(read.column, written, apart('schema')) : written
  const raw = type.meansNull ? sql`CASE WHEN NOT ${type.meansNull(found)} THEN ${found} END` : found
  const value = cast(type.fromJson(raw), type)
  return { raw, value: sameType(type.delta, wanted.delta) ? value : cast(value, wanted) }
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
function shape({ schema, mask, reads, image }: Reading & Pick<Part, 'schema' | 'mask'>, side?: Side): string {
  const spelled = spellingIn(image)
  const types = [...reads].flatMap(([column, read]) => {
    if ('fill' in read || !isRead({ schema, mask }, column)) return []
    return [{ column, was: read.column.name, name: spelled(read.column.name), type: columnType(read.column).jsonType }]
  })
  const whole = Object.fromEntries(types.flatMap(({ name, type }) => (name === undefined ? [] : [[name, type]])))
  if (side) return JSON.stringify({ [side.image]: whole })
  const key = types.filter(({ column }) => schema.primaryKey.includes(column))
  return JSON.stringify({ before: Object.fromEntries(key.map(({ was, name, type }) => [name ?? was, type])), after: whole })
}
