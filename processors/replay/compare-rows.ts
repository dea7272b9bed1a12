// Two relations of the same columns compared as multisets of rows: checksums over ranges of the key's hash first, then the rows of differing ranges.
// Guarantee: «equal» means every row and every column, in any order; a differing row is named by a token of its key, never by a value.
import type { Duck } from '../../lake/duckdb.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import type { MaskKey } from '../../privacy/keys.ts'
import { bindKey, tokenSql } from '../../privacy/token.ts'

/** Checksums are compared for this many ranges before any row is. */
export const ranges = 256

export type RowDifference = 'only left' | 'only right' | 'different'

export interface RowComparison {
  equal: boolean
  rows: { left: number; right: number }
  /** Ranges whose checksums differ. */
  differingRanges: number
  /** Rows that differ, by kind. */
  differences: Record<RowDifference, number>
  /** Some of them, by the tokens of their keys. */
  examples: { key: string; difference: RowDifference; columns: string[] }[]
}

export interface CompareOptions {
  /** Parenthesised queries or names of tables, each with all of the columns below. */
  left: Sql
  right: Sql
  /** Columns that tell rows apart. */
  identity: readonly string[]
  /** Columns whose values make a row's token. */
  key: readonly string[]
  /** Columns to compare; what tells rows apart need not be among them. */
  columns: readonly string[]
  /** Makes the tokens. */
  token: MaskKey
  /** How many differing rows to name. */
  examples: number
  /** True: temp table `compare_differences` stays: what tells the differing rows apart, `"the key"` (a token), `"the difference"`, `"the columns"`. */
  keep?: boolean
}

/** Neither relation is held in memory; each is read once if they are equal, and its differing ranges once more if not. */
export async function compareRows(duck: Duck, options: CompareOptions): Promise<RowComparison> {
  const { left, right, columns } = options
  // Temporary names hold a space, as no column of a table does.
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE compare_ranges AS
    SELECT "the range", a.n AS n_left, b.n AS n_right, (a.n, a.checksum) IS DISTINCT FROM (b.n, b.checksum) AS differs
    FROM (${checksums(left, options)}) AS a FULL JOIN (${checksums(right, options)}) AS b USING ("the range")`)
  const counts = await duck.row<Record<'left' | 'right' | 'differing', bigint>>(sql`
    SELECT coalesce(sum(n_left), 0)::BIGINT AS "left", coalesce(sum(n_right), 0)::BIGINT AS "right", count(*) FILTER (differs) AS differing FROM compare_ranges`)
  const result: RowComparison = {
    equal: counts!.differing === 0n,
    rows: { left: Number(counts!.left), right: Number(counts!.right) },
    differingRanges: Number(counts!.differing),
    differences: { 'only left': 0, 'only right': 0, different: 0 },
    examples: [],
  }
  if (!result.equal) await nameDifferences(duck, result, { ...options, columns: [...columns] })
  await duck.run(sql`DROP TABLE compare_ranges`)
  return result
}

function rangeOf(identity: readonly string[]): Sql {
  return sql`(hash(${names(identity)}) % ${ranges})::INTEGER`
}

function checksums(rows: Sql, { identity, columns }: CompareOptions): Sql {
  return sql`SELECT ${rangeOf(identity)} AS "the range", count(*) AS n, sum(hash(${names(columns)})) AS checksum FROM ${rows} GROUP BY ALL`
}

async function nameDifferences(duck: Duck, result: RowComparison, options: CompareOptions): Promise<void> {
  const { left, right, identity, key, columns, token, examples } = options
  await bindKey(duck, token)
  // Sums, so that a row that is there twice differs from one that is there once.
  const sums = columns.map((name, i) => sql`sum(hash(${id(name)})) AS ${id(`column ${i}`)}`)
  const side = (
    rows: Sql,
  ) => sql`SELECT ${names(identity)}, count(*) AS "the count", sum(hash(${names(columns)})) AS "the sum", ${join(sums)}
    FROM ${rows} WHERE ${rangeOf(identity)} IN (SELECT "the range" FROM compare_ranges WHERE differs) GROUP BY ${names(identity)}`
  const differing = columns.map((name, i) => {
    const column = id(`column ${i}`)
    return sql`CASE WHEN a.${column} IS DISTINCT FROM b.${column} THEN ${name} END`
  })
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE compare_differences AS
    SELECT ${names(identity)}, ${tokenSql(keyText(key), token, 'exact')} AS "the key",
      CASE WHEN b."the count" IS NULL THEN 'only left' WHEN a."the count" IS NULL THEN 'only right' ELSE 'different' END AS "the difference",
      list_filter([${join(differing)}], lambda name: name IS NOT NULL) AS "the columns"
    FROM (${side(left)}) AS a FULL JOIN (${side(right)}) AS b USING (${names(identity)})
    WHERE (a."the count", a."the sum") IS DISTINCT FROM (b."the count", b."the sum")`)
  const kinds = await duck.rows<{ difference: RowDifference; n: bigint }>(
    sql`SELECT "the difference" AS difference, count(*) AS n FROM compare_differences GROUP BY ALL`,
  )
  for (const { difference, n } of kinds) result.differences[difference] = Number(n)
  const named = await duck.rows<RowComparison['examples'][number]>(sql`
    SELECT "the key" AS key, "the difference" AS difference, "the columns" AS columns FROM compare_differences ORDER BY 1 LIMIT ${examples}`)
  result.examples = named.map(one => ({ ...one, columns: one.difference === 'different' ? one.columns : [] }))
  if (!options.keep) await duck.run(sql`DROP TABLE compare_differences`)
}

/** What the token of a row's key is made of. */
export function keyText(key: readonly string[]): Sql {
  return sql`concat_ws(chr(31), ${join(key.map(name => sql`${id(name)}::VARCHAR`))})`
}

function names(columns: readonly string[]): Sql {
  return join(columns.map(name => id(name)))
}
