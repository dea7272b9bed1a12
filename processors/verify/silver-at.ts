// Silver as it was at a point of the binlog: its rows now, but for keys that changed later, which come out of history.
// Guarantee: a damaged row of silver is seen as damaged unless its key changed after the point; then its history is what is compared.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { scan } from '../../lake/scan.ts'
import { duckType } from '../../lake/schema.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql, trusted } from '../../lake/sql.ts'
import type { Cut } from '../../sql/derived.ts'
import { lastChanges, primaryKey } from '../../sql/views.ts'
import { paths } from '../silver-parts.ts'
import { sweptMark } from '../snapshots/marks.ts'
import { type Compare, comparable } from './verify-columns.ts'

export interface SilverAt {
  /** A parenthesised query with the compared columns. */
  relation: Sql
  /** Keys that changed after the point. */
  later: number
}

/** Undefined: there is no silver table. `cut` undefined: as it is now. Makes temp table `verify_later`. */
export async function silverAt(
  duck: Duck,
  lake: Lakehouse,
  { compare, cut, only }: { compare: Compare; cut?: Cut | undefined; only?: Sql | undefined },
): Promise<SilverAt | undefined> {
  const at = paths(compare.schema)
  // In this order: history is committed before silver, so it tells of every change that silver has.
  const current = await lake.current(at.current)
  if (!current) return undefined
  const history = cut && (await lake.current(at.history))
  const stored = await scan(lake.table(at.current), current)
  const restrict = (rows: Sql) =>
    only ? sql`(SELECT * FROM ${rows} SEMI JOIN ${only} USING (${names(compare.identity)}))` : rows
  const asItIs: SilverAt = {
    relation: restrict(sql`(${comparable(sql`(SELECT ${wanted(compare, current)} FROM ${stored})`, compare)})`),
    later: 0,
  }
  const key = primaryKey(current.metaData.configuration)
  if (!cut || !history || !key || key.length === 0) return asItIs
  const then = await scan(lake.table(at.history), history)
  // A swept row was gone from the source before it was swept, at no transaction that could be told.
  const swept = history.fields.some(({ name }) => name === '_snapshot') ? sql` OR _snapshot = ${sweptMark}` : sql``
  const happened = sql`(coalesce(${cut.happened(compare.schema)}, false)${swept})`
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE verify_later AS
    SELECT DISTINCT ${names(key)} FROM ${then} WHERE coalesce(NOT ${happened}, true)`)
  const later = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM verify_later`)
  if (later!.n === 0n) return asItIs
  const columns = [...new Set([...key, ...compare.columns])]
  const before = sql`(SELECT * FROM ${then} SEMI JOIN verify_later USING (${names(key)}) WHERE ${happened})`
  const held = columns.filter(name => history.fields.some(field => field.name === name))
  const past = sql`(SELECT ${wanted(compare, history)} FROM ${lastChanges(before, { key, columns: held, live: true })})`
  const rows = sql`(SELECT ${wanted(compare, current)} FROM ${stored} ANTI JOIN verify_later USING (${names(key)}) UNION ALL BY NAME SELECT * FROM ${past})`
  return { relation: restrict(sql`(${comparable(rows, compare)})`), later: Number(later!.n) }
}

/** The compared columns; one that the table has not yet is compared as NULL. */
function wanted({ mask }: Compare, snapshot: Snapshot): Sql {
  const present = new Set(snapshot.fields.map(({ name }) => name))
  return join(
    mask.columns.map(({ name, delta }) =>
      present.has(name) ? id(name) : sql`CAST(NULL AS ${trusted(duckType(delta))}) AS ${id(name)}`,
    ),
  )
}

function names(columns: readonly string[]): Sql {
  return join(columns.map(name => id(name)))
}
