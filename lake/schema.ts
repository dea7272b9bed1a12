// Delta's types and fields, and the DuckDB type each is stored as (lake-spec §3.4).
// Guarantee: a type that passes `parseSchema` or `field` has exactly one DuckDB type and one Parquet form.
import { LakeError } from './lake-error.ts'
import { id } from './sql.ts'

export type DeltaPrimitive =
  | 'byte'
  | 'short'
  | 'integer'
  | 'long'
  | 'float'
  | 'double'
  | 'boolean'
  | 'string'
  | 'binary'
  | 'date'
  | 'timestamp'
  | `decimal(${number},${number})`

export interface DeltaArray {
  type: 'array'
  elementType: DeltaType
  containsNull: boolean
}
export interface DeltaStruct {
  type: 'struct'
  fields: Field[]
}
export interface DeltaMap {
  type: 'map'
  keyType: DeltaType
  valueType: DeltaType
  valueContainsNull: boolean
}
export type DeltaType = DeltaPrimitive | DeltaArray | DeltaStruct | DeltaMap

/** A column. Always nullable: a required column could never be dropped upstream (lake-spec §3.4). */
export interface Field {
  name: string
  type: DeltaType
  nullable: true
  metadata: Record<string, unknown>
}

const duckTypes: Record<string, string> = {
  byte: 'TINYINT',
  short: 'SMALLINT',
  integer: 'INTEGER',
  long: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  string: 'VARCHAR',
  binary: 'BLOB',
  date: 'DATE',
  timestamp: 'TIMESTAMPTZ',
}

export function field(name: string, type: DeltaType): Field {
  return { name, type, nullable: true, metadata: {} }
}

/** DuckDB's text of a type, fit for `CAST(… AS …)`; names inside structs are quoted. Throws LAKE_UNSUPPORTED_TABLE for a type we do not know. */
export function duckType(type: DeltaType): string {
  if (typeof type === 'string') {
    const known = duckTypes[type]
    if (known) return known
    const { precision, scale } = decimalOf(type) ?? unknownType(type)
    return `DECIMAL(${precision},${scale})`
  }
  switch (type.type) {
    case 'array':
      return `${duckType(type.elementType)}[]`
    case 'struct':
      return `STRUCT(${type.fields.map(f => `${id(f.name).text} ${duckType(f.type)}`).join(', ')})`
    case 'map':
      return `MAP(${duckType(type.keyType)}, ${duckType(type.valueType)})`
    default:
      return unknownType(type)
  }
}

/** Precision and scale of a decimal type, undefined for any other. Delta allows 1 ≤ precision ≤ 38 and 0 ≤ scale ≤ precision. */
export function decimalOf(type: DeltaType): { precision: number; scale: number } | undefined {
  const match = typeof type === 'string' ? /^decimal\((\d{1,2}),\s?(\d{1,2})\)$/.exec(type) : null
  if (!match) return undefined
  const precision = Number(match[1])
  const scale = Number(match[2])
  return precision >= 1 && precision <= 38 && scale <= precision ? { precision, scale } : undefined
}

/** Two types are the same if they store the same values under the same names; comments and nullability do not count. */
export function sameType(a: DeltaType, b: DeltaType): boolean {
  return duckType(a) === duckType(b)
}

export function schemaString(fields: readonly Field[]): string {
  return JSON.stringify({ type: 'struct', fields })
}

/** The columns of a `schemaString`. Throws LAKE_UNSUPPORTED_TABLE for types and required columns, which this writer does not keep. */
export function parseSchema(text: string): Field[] {
  const { fields } = JSON.parse(text) as { fields: (Omit<Field, 'nullable'> & { nullable: boolean })[] }
  for (const column of fields) {
    duckType(column.type)
    if (!column.nullable) {
      throw new LakeError('LAKE_UNSUPPORTED_TABLE', `column ${column.name} is NOT NULL, which this writer does not enforce`)
    }
  }
  return fields as Field[]
}

function unknownType(type: unknown): never {
  throw new LakeError(
    'LAKE_UNSUPPORTED_TABLE',
    `type ${typeof type === 'string' ? type : JSON.stringify(type)} is not one this writer stores`,
  )
}
