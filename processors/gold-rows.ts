// A gold model's rows over views that are there, in the types that its table has.
import type { Duck } from '../lake/duckdb.ts'
import { duckType } from '../lake/schema.ts'
import { id, join, type Sql, sql, trusted } from '../lake/sql.ts'
import type { GoldModel } from '../sql/gold-models.ts'
import { goldFields } from './gold-fields.ts'

/** A parenthesised query. @throws GoldTypeUnsupported */
export async function goldRows(duck: Duck, model: GoldModel): Promise<Sql> {
  // DuckDB guesses that a joined query has few rows and then compares all with all.
  await duck.run(sql`SET asof_loop_join_threshold = 0`)
  const query = trusted(`(${model.text}\n)`)
  const fields = await goldFields(duck, model.name, sql`SELECT * FROM ${query}`)
  const columns = fields.map(({ name, type }) => sql`CAST(${id(name)} AS ${trusted(duckType(type))}) AS ${id(name)}`)
  return sql`(SELECT ${join(columns)} FROM ${query})`
}
