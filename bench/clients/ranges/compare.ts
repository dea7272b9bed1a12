// Finds the differing keys of two tables in DuckDB: by joining all of both, or only the ranges of keys whose checksums differ.
import { Duck } from '../../../lake/duckdb.ts'
import { sql } from '../../../lake/sql.ts'
import { ownTask, peakBytes, startClock } from '../rounds.ts'

export interface CompareTask {
  rows: number
  /** Rows that differ, spread evenly over the keys. */
  differing: number
  by: 'join' | 'ranges'
}

/** As processors/verify.ts has it. */
const ranges = 256

const { rows, differing, by } = ownTask<CompareTask>()
await using duck = await Duck.open({ memoryLimit: '800MB' })
for (const [table, changed] of [
  [sql`here`, sql`false`],
  [sql`there`, differing === 0 ? sql`false` : sql`i % ${Math.floor(rows / differing)} = 0`],
] as const) {
  await duck.run(sql`CREATE TEMP TABLE ${table} AS
    SELECT *, hash(id) % ${ranges} AS "range of key", hash(id, customer_id, status, currency, tax, placed_at) AS "hash of row" FROM (
      SELECT i AS id, i * 7919 % 50000 AS customer_id, CASE WHEN ${changed} THEN 'paid' ELSE 'placed' END AS status, 'EUR' AS currency,
        (i * 31 % 9973 / 100)::DECIMAL(12,2) AS tax, TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_seconds(i * 61) AS placed_at
      FROM range(${rows}) AS t(i))`)
}
const stopClock = startClock()
const sums = (table: ReturnType<typeof sql>) =>
  sql`SELECT "range of key" AS r, count(*) AS n, sum("hash of row"::HUGEINT) AS checksum FROM ${table} GROUP BY ALL`
const suspects =
  by === 'join'
    ? sql`SELECT range AS r FROM range(${ranges})`
    : sql`SELECT r FROM (${sums(sql`here`)}) AS a FULL JOIN (${sums(sql`there`)}) AS b USING (r) WHERE (a.n, a.checksum) IS DISTINCT FROM (b.n, b.checksum)`
await duck.run(sql`CREATE TEMP TABLE suspects AS ${suspects}`)
const side = (table: ReturnType<typeof sql>) =>
  by === 'join' ? table : sql`(SELECT * FROM ${table} WHERE "range of key" IN (SELECT r FROM suspects))`
const found = await duck.row<{ n: bigint; ids: string }>(sql`SELECT count(*) AS n, sum(id)::VARCHAR AS ids
  FROM ${side(sql`here`)} AS a FULL JOIN ${side(sql`there`)} AS b USING (id) WHERE a."hash of row" IS DISTINCT FROM b."hash of row"`)
process.stdout.write(
  JSON.stringify({ rows, ...stopClock(), peakBytes: peakBytes(), digest: `${found!.n} keys, sum ${found!.ids}` }),
)
