// Compares a Parquet file's physical columns with the Delta schema before anything is committed (lake-spec §3.4, §9.2).
// Guarantee: a file that passes reads in the strictest engine: DuckDB forgives wrong physical types, Spark does not.
import { LakeError } from './lake-error.ts'
import { type DeltaType, decimalOf, type Field } from './schema.ts'
import { sql } from './sql.ts'

/** What is asked of DuckDB's `parquet_schema()`. */
export const parquetColumns = sql`name, type, type_length, repetition_type, converted_type, logical_type, num_children, precision, scale, field_id`

/** One row of DuckDB's `parquet_schema()`, in file order; numbers may come as text. */
export interface ParquetColumn {
  name: string
  type: string | null
  type_length: number | bigint | string | null
  repetition_type: string | null
  converted_type: string | null
  logical_type: string | null
  num_children: number | bigint | string | null
  precision: number | bigint | string | null
  scale: number | bigint | string | null
  field_id: number | bigint | string | null
}

const leaves: Record<string, { type: string; converted: (string | null)[] }> = {
  byte: { type: 'INT32', converted: ['INT_8'] },
  short: { type: 'INT32', converted: ['INT_16'] },
  integer: { type: 'INT32', converted: ['INT_32', null] },
  long: { type: 'INT64', converted: ['INT_64', null] },
  float: { type: 'FLOAT', converted: [null] },
  double: { type: 'DOUBLE', converted: [null] },
  boolean: { type: 'BOOLEAN', converted: [null] },
  string: { type: 'BYTE_ARRAY', converted: ['UTF8'] },
  binary: { type: 'BYTE_ARRAY', converted: [null] },
  date: { type: 'INT32', converted: ['DATE'] },
  timestamp: { type: 'INT64', converted: ['TIMESTAMP_MICROS'] },
}

/** Throws LAKE_SCHEMA_MISMATCH naming the first column that differs. `rows` is the file's whole `parquet_schema()`, root first. */
export function checkParquetSchema(rows: readonly ParquetColumn[], fields: readonly Field[], place: string): void {
  const wrong = (column: string, why: string): never => {
    throw new LakeError('LAKE_SCHEMA_MISMATCH', `${place}: column ${column} ${why}; the file was not committed`)
  }
  let at = 0
  /** The next entry, which must be of this name, and repeated only where the format says so. */
  const next = (column: string, name: string, repetition: 'OPTIONAL' | 'REPEATED' | 'REQUIRED'): ParquetColumn => {
    const row = rows[at++] ?? wrong(column, 'is missing from the Parquet file')
    if (row.name !== name) wrong(column, `stands where the file has ${row.name}`)
    // A field id asks readers to find columns by number, which the table's log would have to know of.
    if (row.field_id !== null) wrong(column, 'has a field id, which only tables with column mapping may have')
    if (row.repetition_type !== repetition) wrong(column, `is ${row.repetition_type}, not ${repetition}`)
    return row
  }

  const group = (row: ParquetColumn, column: string, { children, converted }: { children: number; converted: string | null }) => {
    if (row.type !== null || Number(row.num_children) !== children || row.converted_type !== converted) {
      wrong(column, `is stored as ${describe(row)}, not as a group of ${children}`)
    }
  }

  /** Lists and maps in three levels, under the names that readers of Delta expect. */
  const walk = (
    column: string,
    { name, type, required = false }: { name: string; type: DeltaType; required?: boolean },
  ): void => {
    const row = next(column, name, required ? 'REQUIRED' : 'OPTIONAL')
    if (typeof type === 'string') leaf(row, column, type)
    else if (type.type === 'struct') {
      group(row, column, { children: type.fields.length, converted: null })
      for (const child of type.fields) walk(`${column}.${child.name}`, child)
    } else if (type.type === 'array') {
      group(row, column, { children: 1, converted: 'LIST' })
      group(next(column, 'list', 'REPEATED'), column, { children: 1, converted: null })
      walk(`${column}.element`, { name: 'element', type: type.elementType })
    } else {
      group(row, column, { children: 1, converted: 'MAP' })
      group(next(column, 'key_value', 'REPEATED'), column, { children: 2, converted: null })
      walk(`${column}.key`, { name: 'key', type: type.keyType, required: true })
      walk(`${column}.value`, { name: 'value', type: type.valueType })
    }
  }

  const leaf = (row: ParquetColumn, column: string, type: DeltaType): void => {
    const decimal = decimalOf(type)
    const known = leaves[type as string]
    const fits = decimal
      ? fitsDecimal(row, decimal)
      : known !== undefined && row.type === known.type && known.converted.includes(row.converted_type)
    if (!fits) wrong(column, `is stored as ${describe(row)}, not as ${type}`)
    if (type === 'timestamp' && !/isAdjustedToUTC=(1|true)/.test(row.logical_type ?? ''))
      wrong(column, 'is stored as a timestamp without time zone')
  }

  const root = rows[at++] ?? wrong('(root)', 'is missing from the Parquet file')
  if (Number(root.num_children) !== fields.length) wrong('(root)', `count is ${root.num_children}, not ${fields.length}`)
  for (const column of fields) walk(column.name, column)
  if (at !== rows.length) wrong(rows[at]!.name, 'is more than the schema has')
}

/** Precision and scale as declared, in a physical type that is wide enough for them. */
function fitsDecimal(row: ParquetColumn, { precision, scale }: { precision: number; scale: number }): boolean {
  if (row.converted_type !== 'DECIMAL' || Number(row.precision) !== precision || Number(row.scale) !== scale) return false
  if (row.type === 'INT32') return precision <= 9
  if (row.type === 'INT64') return precision <= 18
  return row.type === 'FIXED_LEN_BYTE_ARRAY' && 256n ** BigInt(row.type_length ?? 0) / 2n >= 10n ** BigInt(precision)
}

function describe(row: ParquetColumn): string {
  return [row.type ?? 'a group', row.converted_type ?? row.logical_type].filter(part => part !== null).join(' ')
}
