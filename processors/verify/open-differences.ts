// The rows of one table that differ, kept in temp table `verify_open` from look to look: what each side holds, as hashes, and since when.
// Guarantee: keys stay in DuckDB's memory; what is told of them are tokens.
import type { RowKeys } from '../../connectors/source-rows.ts'
import type { Duck } from '../../lake/duckdb.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import type { Found } from './compare-table.ts'
import type { Difference, TableVerdict } from './verdict.ts'
import { type Compare, sourceKey } from './verify-columns.ts'

/** Above this, single rows are not asked for: the whole table is read again. */
const mostKeys = 10_000

/** Makes temp table `verify_open` of a first comparison; of a later one what is left of it, with `"looks"` counted while both sides stay the same. */
export async function noteOpen(
  duck: Duck,
  { compare, source, silver, verdict }: Found,
  { first }: { first: boolean },
): Promise<void> {
  if (verdict.equal) {
    if (!first) await duck.run(sql`DELETE FROM verify_open`)
    return
  }
  const by = names(compare)
  const side = (
    rows: Sql,
    also: Sql,
  ) => sql`(SELECT ${by}, sum(hash(${join(compare.columns.map(name => id(name)))})) AS "the hash"${also}
    FROM ${rows} SEMI JOIN compare_differences USING (${by}) GROUP BY ${by})`
  const before = first
    ? sql``
    : sql` JOIN (SELECT ${by}, "in source" AS "before source", "in silver" AS "before silver", "looks", "source key" AS "old key" FROM verify_open) USING (${by})`
  const looks = first
    ? sql`1`
    : sql`CASE WHEN s."the hash" IS NOT DISTINCT FROM "before source" AND l."the hash" IS NOT DISTINCT FROM "before silver" THEN "looks" + 1 ELSE 1 END`
  const key = first ? sql`s."the source key"` : sql`coalesce(s."the source key", "old key")`
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE verify_open AS
    SELECT ${join(compare.identity.map(name => id('d', name)))}, d."the key", d."the difference", d."the columns",
      s."the hash" AS "in source", l."the hash" AS "in silver", ${key} AS "source key", ${looks} AS "looks"
    FROM compare_differences AS d
      LEFT JOIN ${side(source, sql`, any_value(${id(sourceKey)}) AS "the source key"`)} AS s USING (${by})
      LEFT JOIN ${side(silver, sql``)} AS l USING (${by})${before}`)
}

/** The keys under which the source can be asked for the open rows; undefined: it must be read as a whole. */
export async function openKeys(duck: Duck, compare: Compare): Promise<RowKeys | undefined> {
  const { key } = compare
  if (key.length === 0) return undefined
  const count = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM verify_open`)
  if (count!.n > BigInt(mostKeys)) return undefined
  // A row that only silver has is asked for by silver's key, where that is what MySQL would print.
  const own = compare.identity.map((name, i) => mysqlText(compare, { name, as: key[i]!.as }))
  const text = own.every(one => one !== undefined) ? sql`[${join(own)}]` : sql`NULL`
  const rows = await duck.rows<{ key: string[] | null }>(sql`SELECT coalesce("source key", ${text}) AS key FROM verify_open`)
  const keys = rows.flatMap(({ key: texts }) => (texts ? [texts] : []))
  return keys.length < rows.length ? undefined : { columns: key, keys }
}

/** A key column of silver as the source prints it; undefined: it cannot be told, being masked or of a type that is written otherwise. */
function mysqlText(
  { mask, schema }: Compare,
  { name, as }: { name: string; as: RowKeys['columns'][number]['as'] },
): Sql | undefined {
  const made = mask.columns.find(column => column.name === name)
  if (made?.expr.text !== id(name).text) return undefined
  const type = schema.columns.find(column => column.name === made.source)?.typeName.toUpperCase()
  const { delta } = made
  if (as === 'hex') return delta === 'binary' ? sql`hex(${id(name)})` : undefined
  const whole = typeof delta === 'string' && (['byte', 'short', 'integer', 'long'].includes(delta) || delta.startsWith('decimal'))
  const plain = as === 'number' ? whole : delta === 'string' || (delta === 'date' && type === 'DATE')
  return plain ? sql`${id(name)}::VARCHAR` : undefined
}

/** Whether some row has not yet stayed different for so many looks. */
export async function anyOpen(duck: Duck, looks: number): Promise<boolean> {
  return (await duck.row(sql`SELECT 1 FROM verify_open WHERE "looks" < ${looks} LIMIT 1`)) !== undefined
}

/** The verdict of the rows that stayed different for `looks` looks. */
export async function verdictOfOpen(
  duck: Duck,
  verdict: TableVerdict,
  { looks, examples }: { looks: number; examples: number },
): Promise<TableVerdict> {
  const counts = await duck.rows<{ difference: keyof typeof kinds; n: bigint }>(
    sql`SELECT "the difference" AS difference, count(*) AS n FROM verify_open WHERE "looks" >= ${looks} GROUP BY ALL`,
  )
  const unsettled = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM verify_open WHERE "looks" < ${looks}`)
  const named = await duck.rows<{ key: string; difference: keyof typeof kinds; columns: string[] }>(
    sql`SELECT "the key" AS key, "the difference" AS difference, "the columns" AS columns FROM verify_open WHERE "looks" >= ${looks} ORDER BY 1 LIMIT ${examples}`,
  )
  const differences: Record<Difference, number> = { 'missing in silver': 0, 'only in silver': 0, different: 0 }
  for (const { difference, n } of counts) differences[kinds[difference]] = Number(n)
  return {
    ...verdict,
    equal: counts.length === 0,
    differences,
    unsettled: Number(unsettled!.n),
    ranges: { ...verdict.ranges, differing: counts.length === 0 ? 0 : verdict.ranges.differing },
    examples: named.map(({ key, difference, columns }) => ({
      key,
      difference: kinds[difference],
      columns: difference === 'different' ? columns : [],
    })),
  }
}

const kinds = { 'only left': 'missing in silver', 'only right': 'only in silver', different: 'different' } as const

function names({ identity }: Compare): Sql {
  return join(identity.map(name => id(name)))
}
