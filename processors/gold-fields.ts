// The columns of a gold table, from the types that DuckDB gives to the model's query.
// Guarantee: a type that other engines would read differently is refused; nothing becomes HUGEINT or a zoneless time by accident.
import type { Duck } from '../lake/duckdb.ts'
import { type DeltaType, decimalOf, type Field, field } from '../lake/schema.ts'
import { type Sql, sql } from '../lake/sql.ts'

export class GoldTypeUnsupported extends Error {
  readonly code = 'GOLD_TYPE_UNSUPPORTED'
  readonly retryable = false
  constructor(model: string, column: string, type: string) {
    super(
      `gold.${model}: column ${column} has type ${type}, which a Delta table cannot hold; cast it in ${model}.sql (a sum of integers: AS BIGINT)`,
    )
    this.name = 'GoldTypeUnsupported'
  }
}

const types = new Map<string, DeltaType>([
  ['TINYINT', 'byte'],
  ['SMALLINT', 'short'],
  ['INTEGER', 'integer'],
  ['BIGINT', 'long'],
  ['UTINYINT', 'short'],
  ['USMALLINT', 'integer'],
  ['UINTEGER', 'long'],
  ['UBIGINT', 'decimal(20,0)'],
  ['FLOAT', 'float'],
  ['DOUBLE', 'double'],
  ['BOOLEAN', 'boolean'],
  ['VARCHAR', 'string'],
  ['BLOB', 'binary'],
  ['DATE', 'date'],
  // A time without zone is meant in UTC, as every connection runs there.
  ['TIMESTAMP', 'timestamp'],
  ['TIMESTAMP WITH TIME ZONE', 'timestamp'],
])

/** The fields of a query's result. @throws GoldTypeUnsupported */
export async function goldFields(duck: Duck, model: string, query: Sql): Promise<Field[]> {
  const columns = await duck.rows<{ column_name: string; column_type: string }>(sql`DESCRIBE ${query}`)
  return columns.map(({ column_name: name, column_type: type }) => {
    const delta = deltaType(type)
    if (!delta) throw new GoldTypeUnsupported(model, name, type)
    return field(name, delta)
  })
}

function deltaType(duck: string): DeltaType | undefined {
  if (duck.endsWith('[]')) {
    const elementType = deltaType(duck.slice(0, -2))
    return elementType && { type: 'array', elementType, containsNull: true }
  }
  const decimal = duck.toLowerCase() as DeltaType
  return types.get(duck) ?? (decimalOf(decimal) ? decimal : undefined)
}
