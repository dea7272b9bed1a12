// Gives a query columns it lacks (lake-spec §3.10).
// Guarantee: the result has exactly the columns asked for, in that order; what is not there reads NULL.
import { duckType, type Field } from './schema.ts'
import { id, join, type Sql, sql, trusted } from './sql.ts'

/** `select` has the columns `has`, and perhaps more. */
export function withMissing(select: Sql, fields: readonly Field[], has: readonly Field[]): Sql {
  const present = new Set(has.map(({ name }) => name))
  const all = fields.map(({ name, type }) =>
    present.has(name) ? id(name) : sql`CAST(NULL AS ${trusted(duckType(type))}) AS ${id(name)}`,
  )
  return sql`SELECT ${join(all)} FROM (${select})`
}
