// Which files of a table a query can leave unread: those whose statistics or partition rule out every row it asks for (lake-spec §3.5).
// Guarantee: a file that may hold such a row is kept; values are compared by DuckDB, as the query itself compares them.
import type { Add } from './actions.ts'
import type { Duck } from './duckdb.ts'
import { boundsIn, exactBounds, jsonText, typedBounds } from './exact-bounds.ts'
import { decimalOf, type Field } from './schema.ts'
import type { Snapshot } from './snapshot.ts'
import { join, type Sql, sql, trusted } from './sql.ts'

/** What every row asked for fulfils: its column compares so with one of the values. */
export interface Predicate {
  column: string
  operator: '=' | '<' | '<=' | '>' | '>='
  /** Constants, as SQL. With several, any of them will do. */
  values: readonly Sql[]
  /** Whether the constants are plain texts, which DuckDB takes for the column's own type. */
  plain: boolean
}

/** Types whose bounds stand in the order in which DuckDB compares values. NaN is missing in some writers' bounds. */
const ordered = new Set(['byte', 'short', 'integer', 'long', 'date', 'timestamp', 'string'])

/** The live files that may hold rows fulfilling all predicates of at least one of the lists. An empty list asks for everything. */
export async function prune(duck: Duck, snapshot: Snapshot, asked: readonly (readonly Predicate[])[]): Promise<Add[]> {
  const files = [...snapshot.files.values()]
  const wanted = asked.map(list => list.filter(one => isComparable(snapshot, one)))
  if (files.length === 0 || wanted.length === 0 || wanted.some(list => list.length === 0)) return files
  const names = [...new Set(wanted.flat().map(({ column }) => column))]
  const fields = names.map(name => snapshot.fields.find(field => field.name === name)!)
  const rows = files.map(({ stats, partitionValues }, i) => {
    const exact = stats?.includes('"minValues"') ? JSON.stringify(exactBounds(stats)) : null
    return sql`(${i}, ${exact}, ${JSON.stringify(partitionValues)})`
  })
  const bounds = fields.map((field, i) => boundsOf(field, i, snapshot.metaData.partitionColumns))
  const outside = wanted.map(list =>
    join(
      list.map(one => excludes(one, names.indexOf(one.column))),
      ' OR ',
    ),
  )
  const skipped = await duck
    .rows<{ i: number }>(
      sql`SELECT i FROM (SELECT i, ${join(bounds)} FROM (VALUES ${join(rows)}) AS t(i, stats, parts))
        WHERE ${join(
          outside.map(list => sql`(${list})`),
          ' AND ',
        )}`,
    )
    // A constant that does not go with its column: the query itself will say so.
    .catch(() => [])
  const out = new Set(skipped.map(({ i }) => i))
  return files.filter((_, i) => !out.has(i))
}

/** A number beside a text column would make DuckDB compare the texts as numbers. */
function isComparable({ fields }: Snapshot, { column, plain }: Predicate): boolean {
  const type = fields.find(({ name }) => name === column)?.type
  if (type === undefined || !(decimalOf(type) || ordered.has(type as string))) return false
  return plain || type !== 'string'
}

/** Columns `low<i>` and `high<i>`: between them lies every value that the file has; NULL where that is not known. */
function boundsOf(field: Field, i: number, partitionColumns: readonly string[]): Sql {
  const partition = sql`nullif(${jsonText(sql`parts`, field.name)}, '')`
  const { low, high } = partitionColumns.includes(field.name)
    ? typedBounds({ low: partition, high: partition }, field.type)
    : boundsIn(sql`stats`, field)
  return sql`${low} AS ${trusted(`low${i}`)}, ${high} AS ${trusted(`high${i}`)}`
}

/** True if no value between the bounds can fulfil the predicate; false if one may, or a bound is unknown. */
function excludes({ operator, values }: Predicate, i: number): Sql {
  const [low, high] = [trusted(`low${i}`), trusted(`high${i}`)]
  const beyond: Record<Predicate['operator'], (value: Sql) => Sql> = {
    '=': value => sql`(coalesce(${low} > ${value}, false) OR coalesce(${high} < ${value}, false))`,
    '<': value => sql`coalesce(${low} >= ${value}, false)`,
    '<=': value => sql`coalesce(${low} > ${value}, false)`,
    '>': value => sql`coalesce(${high} <= ${value}, false)`,
    '>=': value => sql`coalesce(${high} < ${value}, false)`,
  }
  return sql`(${join(values.map(beyond[operator]), ' AND ')})`
}
