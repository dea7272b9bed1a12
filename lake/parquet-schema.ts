// Compares a Parquet file's physical columns with the Delta schema before anything is committed (lake-spec §3.4, §9.2).
// Guarantee: a file that passes reads in the strictest engine: DuckDB forgives wrong physical types, Spark does not.
import { LakeError } from './lake-error.ts'
import { type DeltaType, decimalOf, type Field } from './schema.ts'

/** One row of DuckDB's `parquet_schema()`, in file order; numbers may come as text. */
export interface ParquetColumn {
  name: string
  type: string | null
  converted_type: string | null
  logical_type: string | null
  num_children: number | bigint | string | null
  precision: number | bigint | string | null
  scale: number | bigint | string | null
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
  const next = (column: string): ParquetColumn => rows[at++] ?? wrong(column, 'is missing from the Parquet file')

  const group = (column: string, children: number, converted: string | null): void => {
    const row = next(column)
    if (row.type !== null || Number(row.num_children) !== children || row.converted_type !== converted) {
      wrong(column, `is stored as ${describe(row)}, not as a group of ${children}`)
    }
  }

  const walk = (column: string, type: DeltaType): void => {
    if (typeof type === 'string') leaf(next(column), column, type)
    else if (type.type === 'struct') {
      group(column, type.fields.length, null)
      for (const child of type.fields) named(child, `${column}.${child.name}`)
    } else if (type.type === 'array') {
      group(column, 1, 'LIST')
      group(column, 1, null)
      walk(`${column}.element`, type.elementType)
    } else {
      group(column, 1, 'MAP')
      group(column, 2, null)
      walk(`${column}.key`, type.keyType)
      walk(`${column}.value`, type.valueType)
    }
  }

  const leaf = (row: ParquetColumn, column: string, type: DeltaType): void => {
    const decimal = decimalOf(type)
    const fits = decimal
      ? row.converted_type === 'DECIMAL' && Number(row.precision) === decimal.precision && Number(row.scale) === decimal.scale
      : row.type === leaves[type as string]!.type && leaves[type as string]!.converted.includes(row.converted_type)
    if (!fits) wrong(column, `is stored as ${describe(row)}, not as ${type}`)
    if (type === 'timestamp' && !/isAdjustedToUTC=(1|true)/.test(row.logical_type ?? ''))
      wrong(column, 'is stored as a timestamp without time zone')
  }

  /** A column or a struct's field: names are what readers find it by. */
  const named = ({ name, type }: Field, column: string): void => {
    const found = rows[at]?.name
    if (found !== name) wrong(column, `stands where the file has ${found ?? 'nothing'}`)
    walk(column, type)
  }

  const root = next('(root)')
  if (Number(root.num_children) !== fields.length) wrong('(root)', `count is ${root.num_children}, not ${fields.length}`)
  for (const column of fields) named(column, column.name)
}

function describe(row: ParquetColumn): string {
  return [row.type ?? 'a group', row.converted_type ?? row.logical_type].filter(part => part !== null).join(' ')
}
