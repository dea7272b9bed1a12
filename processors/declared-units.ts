// Events that carry a schema (`schemas.enable`) say how a value is written: as bytes of which scale, in which unit of time.
// Guarantee: a value written otherwise than our connector does is brought to the same, or stops its table (cdc-spec §4); nothing is guessed,
// and events without a schema cost nothing.
import type { Duck } from '../lake/duckdb.ts'
import { join, type Sql, sql } from '../lake/sql.ts'
import { TableHalted } from './order/collapse.ts'
import type { SourceColumn, SourceTable } from './source-schema.ts'

interface FieldSchema {
  field?: string
  type?: string
  name?: string
  parameters?: { scale?: string }
  fields?: FieldSchema[]
}

/** Values that some events write otherwise. */
export interface DeclaredUnits {
  /** The schema that an event carries, or NULL; over bronze's rows. */
  schema: Sql
  /** A field as our connector would have written it. `schema` is what the column of that name holds. */
  usual(column: SourceColumn, raw: Sql, schema: Sql): Sql
}

const thousandfold = (raw: Sql) => sql`${raw} * 1000`
const thousandth = (raw: Sql) => sql`${raw} // 1000`
/** Units of time that are whole multiples or parts of a microsecond, by Connect's name. */
const times = new Map<string, (raw: Sql) => Sql>([
  ...['io.debezium.time.Timestamp', 'io.debezium.time.Time'].map(name => [name, thousandfold] as const),
  ...['Timestamp', 'Time'].map(name => [`org.apache.kafka.connect.data.${name}`, thousandfold] as const),
  ...['io.debezium.time.NanoTimestamp', 'io.debezium.time.NanoTime'].map(name => [name, thousandth] as const),
])
const decimal = 'org.apache.kafka.connect.data.Decimal'
/** As a range, so that files without such an event are passed over by their statistics. */
const wrapped = sql`(_value >= '{"schema":' AND _value < '{"schema;')`
const schemaOf = sql`CASE WHEN ${wrapped} THEN json_extract(_value, '$.schema')::VARCHAR END`

/** What the events' own schemas ask for; undefined: nothing. Throws TableHalted. */
export async function declaredUnits(duck: Duck, bronze: Sql, table: SourceTable): Promise<DeclaredUnits | undefined> {
  const found = await duck.rows<{ schema: string }>(sql`SELECT DISTINCT ${schemaOf} AS schema FROM ${bronze} WHERE ${wrapped}`)
  const ways = new Map<string, Map<string, (raw: Sql) => Sql>>()
  for (const { schema } of found) {
    const images = (JSON.parse(schema) as FieldSchema).fields ?? []
    for (const field of images.find(({ field }) => field === 'after')?.fields ?? []) {
      const column = table.columns.find(({ name }) => name === field.field)
      const way = column && wayOf(field, column, table)
      if (way) ways.set(column.name, (ways.get(column.name) ?? new Map()).set(schema, way))
    }
  }
  if (ways.size === 0) return undefined
  return {
    schema: schemaOf,
    usual({ name }, raw, schema) {
      const cases = [...(ways.get(name) ?? [])].map(([text, way]) => sql`WHEN ${schema} = ${text} THEN ${way(raw)}`)
      return cases.length === 0 ? raw : sql`CASE ${join(cases, ' ')} ELSE ${raw} END`
    },
  }
}

/** Undefined: the field is as our connector writes it. */
function wayOf(
  { type, name = '', parameters }: FieldSchema,
  column: SourceColumn,
  { database, table }: SourceTable,
): ((raw: Sql) => Sql) | undefined {
  const isDecimal = /^(DECIMAL|DEC|NUMERIC|FIXED)\b/.test(column.typeName)
  if (isDecimal && name === decimal) return raw => decimalText(raw, Number(parameters?.scale ?? 0))
  if (times.has(name)) return times.get(name)
  const unreadable =
    name === decimal || /^io\.debezium\.(time\.Iso|data\.VariableScale)/.test(name) || (isDecimal && type !== 'string')
  if (!unreadable) return undefined
  throw new TableHalted(
    `${database}.${table}: its events bring column ${column.name} (${column.typeName}) as ${name || type}, which does not hold its exact value for binlake; give the connector the settings of infra/debezium/mysql.json, move the table's folders in bronze and silver away, and let Debezium take a new snapshot: binlake snapshot ${database}.${table}`,
  )
}

/** The text of a big-endian two's complement in base64, at most 16 bytes of it; a longer one makes the statement fail. */
function decimalText(raw: Sql, scale: number): Sql {
  const bytes = sql`hex(from_base64(${raw}))`
  const padded = sql`lpad(${bytes}, 32, CASE WHEN ${bytes} >= '8' THEN 'F' ELSE '0' END)`
  const half = (from: number) => sql`('0x' || substr(${padded}, ${from}, 16))::UBIGINT::HUGEINT`
  const high = sql`(${half(1)} - CASE WHEN ${bytes} >= '8' THEN 18446744073709551616 ELSE 0 END)`
  const whole = sql`CASE WHEN length(${bytes}) <= 32 THEN ${high} * 18446744073709551616 + ${half(17)} ELSE (${bytes} || 'x')::HUGEINT END`
  const digits = sql`lpad(ltrim(whole, '-'), greatest(length(ltrim(whole, '-')), ${scale + 1})::INTEGER, '0')`
  const point = scale === 0 ? digits : sql`left(${digits}, -${scale}) || '.' || right(${digits}, ${scale})`
  return sql`list_transform([(${whole})::VARCHAR], lambda whole: CASE WHEN whole LIKE '-%' THEN '-' ELSE '' END || ${point})[1]`
}
