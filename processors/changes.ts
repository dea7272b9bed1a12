// Changes: bronze rows of one table, typed from their JSON, masked, with their positions. Everything after works on this temp table.
// Guarantee: a value that does not fit its column's type sets its row aside; nothing unmasked is kept.
import type { Duck } from '../lake/duckdb.ts'
import { duckType, type Field, field } from '../lake/schema.ts'
import { id, join, type Sql, sql, trusted } from '../lake/sql.ts'
import type { MaskPlan } from '../privacy/mask.ts'
import { columnType } from './column-types.ts'
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
export const bronzeColumnsRead = ['_value', '_op', '_source_ts', '_partition', '_offset', '_file', '_pos', '_row', '_gtid', '_tx_order', '_snapshot']

/** Bronze columns that travel with a change. */
const carried = bronzeColumnsRead.slice(1)

/** Events carry a column that the table's known schema has not: the schema change has not been read yet, or never came. */
export class UnknownColumns extends Error {
  readonly code = 'SCHEMA_BEHIND'
  readonly retryable = true
}

/**
 * Makes temp table `changes` from rows of bronze: the policy's columns, `carried`, and `_bad` (true: a value did not fit).
 * Truncates and tombstones have no image: they are left to the caller, by `_op`.
 */
export async function typeChanges(duck: Duck, bronze: Sql, options: { schema: SourceTable; mask: MaskPlan }): Promise<void> {
  const { schema, mask } = options
  await refuseUnknownColumns(duck, bronze, schema)
  await mask.bind(duck)
  const strict = sql`json_transform_strict(${unwrapped(sql`_value`)}, ${shape(schema)})`
  try {
    await duck.run(sql`CREATE OR REPLACE TEMP TABLE changes AS ${masked(bronze, options, strict, value => value)}`)
  } catch (error) {
    if (!/Invalid Input Error|Conversion Error|Malformed JSON|Failed to cast|Out of Range|Failed to transform/i.test(String(error))) throw error
    await duck.run(sql`CREATE OR REPLACE TEMP TABLE changes AS ${masked(bronze, options, sql`TRY(${strict})`, value => sql`TRY(${value})`)}`)
  }
}

function masked(bronze: Sql, { schema, mask }: { schema: SourceTable; mask: MaskPlan }, event: Sql, guard: (value: Sql) => Sql): Sql {
  const columns = join(carried.map(name => id(name)))
  const parsed = sql`SELECT ${columns}, ${event} AS e FROM ${bronze} WHERE _value IS NOT NULL AND _op <> 't'`
  const typed = schema.columns.map(column => {
    const type = columnType(column, schema)
    const key = schema.primaryKey.includes(column.name)
    const after = sql`e."after".${id(column.name)}`
    // Only the key of a deleted row is needed, so the old image is parsed no further.
    const value = key ? sql`CASE WHEN _op = 'd' THEN e."before".${id(column.name)} ELSE ${after} END` : after
    return { name: column.name, present: sql`${value} IS NOT NULL`, value: guard(sql`CAST(${type.fromJson(value)} AS ${trusted(duckType(type.delta))})`) }
  })
  const bad = join([sql`e IS NULL`, ...typed.map(({ present, value }) => sql`(${present} AND ${value} IS NULL)`)], ' OR ')
  const strictly = guard(sql`x`).text === 'x'
  const rows = sql`SELECT ${columns}, ${strictly ? sql`false` : bad} AS _bad, ${join(typed.map(({ name, value }) => sql`${value} AS ${id(name)}`))} FROM (${parsed})`
  return sql`SELECT ${join(mask.columns.map(column => sql`${column.expr} AS ${id(column.name)}`))}, ${columns}, _bad FROM (${rows})`
}

/** The JSON shape that is parsed: every column of the new image, the key of the old. */
function shape({ columns, primaryKey }: SourceTable): string {
  const types = columns.map(column => [column.name, columnType(column).jsonType] as const)
  return JSON.stringify({ before: Object.fromEntries(types.filter(([name]) => primaryKey.includes(name))), after: Object.fromEntries(types) })
}

/** `json_transform_strict` passes over fields it was not told of, so a new column would go unseen (cdc-spec §4). */
async function refuseUnknownColumns(duck: Duck, bronze: Sql, schema: SourceTable): Promise<void> {
  const known = schema.columns.map(column => column.name)
  const found = await duck.rows<{ name: string }>(sql`
    SELECT DISTINCT unnest(names) AS name FROM (
      SELECT DISTINCT json_keys(${unwrapped(sql`_value`)}, '$.after') AS names FROM ${bronze} WHERE _value IS NOT NULL
    )`)
  const unknown = found.map(({ name }) => name).filter(name => !known.includes(name))
  if (unknown.length > 0) {
    throw new UnknownColumns(`${schema.database}.${schema.table}: events carry columns that no schema change has told of: ${unknown.join(', ')}. Is include.schema.changes on?`)
  }
}
