// Changes: bronze rows of one table, typed from their JSON, masked, with their positions. Everything after works on this temp table.
// Guarantee: a value that does not fit its column's type sets its row aside; nothing unmasked is kept.
import type { Duck } from '../lake/duckdb.ts'
import { duckType, type Field, field } from '../lake/schema.ts'
import { id, join, type Sql, sql, trusted } from '../lake/sql.ts'
import type { MaskPlan } from '../privacy/mask.ts'
import { columnType } from './column-types.ts'
import { isDataError } from './data-error.ts'
import type { SourceTable } from './source-schema.ts'
import { unwrapped } from './stage.ts'

/** Columns that every silver row carries beside its own: since when it is so, and which event made it so. */
export const positionFields: Field[] = [
  field('_valid_from', 'timestamp'),
  field('_source_ts', 'timestamp'),
  field('_partition', 'integer'),
  field('_offset', 'long'),
  field('_file', 'string'),
  field('_pos', 'long'),
  field('_row', 'integer'),
  field('_gtid', 'string'),
  field('_tx_order', 'long'),
]

/** The bronze columns that `typeChanges` reads. */
export const bronzeColumnsRead = [
  '_value',
  '_op',
  '_source_ts',
  '_partition',
  '_offset',
  '_file',
  '_pos',
  '_row',
  '_gtid',
  '_tx_order',
  '_snapshot',
]

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
      images.map(image => masked(bronze, { ...options, image, lenient, several: images.length > 1 })),
      ' UNION ALL ',
    )
  try {
    await duck.run(sql`CREATE OR REPLACE TEMP TABLE changes AS ${numbered(part(false))}`)
  } catch (error) {
    if (!isDataError(error)) throw error
    await duck.run(sql`CREATE OR REPLACE TEMP TABLE changes AS ${numbered(part(true))}`)
  }
}

/** `_row_id` names a change from here on. Like every name of ours it starts with `_`, which no column of silver does. */
function numbered(rows: Sql): Sql {
  return sql`SELECT row_number() OVER () AS _row_id, * FROM (${rows})`
}

interface Part {
  schema: SourceTable
  mask: MaskPlan
  /** The fields of the new image, as some events of bronze have them. */
  image: readonly string[] | null
  /** Whether events with other fields are in the same rows, and must be left out. */
  several: boolean
  /** A row that does not fit gets `_bad` instead of failing the statement. */
  lenient: boolean
}

function masked(bronze: Sql, { schema, mask, image, several, lenient }: Part): Sql {
  const guard = (value: Sql) => (lenient ? sql`TRY(${value})` : value)
  const columns = join(carried.map(name => id(name)))
  const event = guard(sql`json_transform_strict(${unwrapped(sql`_value`)}, ${shape({ schema, mask }, image)})`)
  const alike = several ? sql`AND ${imageKeys} IS NOT DISTINCT FROM ${image === null ? null : [...image]}` : sql``
  const parsed = sql`SELECT ${columns}, ${event} AS e FROM ${bronze} WHERE _value IS NOT NULL AND _op <> 't' ${alike}`
  const typed = schema.columns
    .filter(({ name }) => isRead({ schema, mask }, name))
    .map(column => {
      const type = columnType(column, schema)
      const key = schema.primaryKey.includes(column.name)
      const after = image === null || image.includes(column.name) ? sql`e."after".${id(column.name)}` : sql`NULL`
      // Only the key of a deleted row is needed, so the old image is parsed no further.
      const value = key ? sql`CASE WHEN _op = 'd' THEN e."before".${id(column.name)} ELSE ${after} END` : after
      return {
        name: column.name,
        present: sql`${value} IS NOT NULL`,
        value: guard(sql`CAST(${type.fromJson(value)} AS ${trusted(duckType(type.delta))})`),
      }
    })
  const bad = join([sql`e IS NULL`, ...typed.map(({ present, value }) => sql`(${present} AND ${value} IS NULL)`)], ' OR ')
  const rows = sql`SELECT ${columns}, ${lenient ? bad : sql`false`} AS _bad, ${join(typed.map(({ name, value }) => sql`${value} AS ${id(name)}`))} FROM (${parsed})`
  return sql`SELECT ${join(mask.columns.map(column => sql`${column.expr} AS ${id(column.name)}`))}, ${columns}, _bad FROM (${rows})`
}

/** Columns that the policy drops are not even parsed. */
function isRead({ schema, mask }: Pick<Part, 'schema' | 'mask'>, name: string): boolean {
  return schema.primaryKey.includes(name) || mask.reads.includes(name)
}

/** The JSON shape that is parsed: the columns of the new image, the key of the old. Strict parsing wants every field to be there. */
function shape({ schema, mask }: Pick<Part, 'schema' | 'mask'>, image: readonly string[] | null): string {
  const { columns, primaryKey } = schema
  const types = columns
    .filter(({ name }) => isRead({ schema, mask }, name))
    .map(column => [column.name, columnType(column).jsonType] as const)
  return JSON.stringify({
    before: Object.fromEntries(types.filter(([name]) => primaryKey.includes(name))),
    after: Object.fromEntries(types.filter(([name]) => image === null || image.includes(name))),
  })
}

/** NULL for an event without a new image, which DuckDB gives an empty list. */
const imageKeys = sql`nullif(json_keys(${unwrapped(sql`_value`)}, '$.after'), [])`

/**
 * The field lists of the new images, null for events without one: one list as a rule, more where a column came or went.
 * Parsing passes over fields it was not told of, so a column that the schema has not would go unseen: it is an error (cdc-spec §4).
 */
async function imagesOf(duck: Duck, bronze: Sql, schema: SourceTable): Promise<(readonly string[] | null)[]> {
  const found = await duck.rows<{ names: string[] | null }>(
    sql`SELECT DISTINCT ${imageKeys} AS names FROM ${bronze} WHERE _value IS NOT NULL AND _op <> 't'`,
  )
  const known = new Set(schema.columns.map(column => column.name))
  const unknown = new Set(found.flatMap(({ names }) => names ?? []).filter(name => !known.has(name)))
  if (unknown.size > 0) {
    throw new UnknownColumns(
      `${schema.database}.${schema.table}: events carry columns that no schema change has told of: ${[...unknown].join(', ')}. Is include.schema.changes on?`,
    )
  }
  const images = found.map(({ names }) => names)
  // A deleted row's missing image reads the same under any list.
  const present = images.filter(names => names !== null)
  if (present.length === 1) return present
  return images.length > 0 ? images : [null]
}
