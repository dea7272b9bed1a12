// Engines skip files, and answer counts and bounds, by the statistics in our log: the answers must be those of the rows.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkpoint } from '../../lake/checkpoint.ts'
import { field } from '../../lake/schema.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { sql } from '../../lake/sql.ts'
import { tempTable } from '../unit/lake/temp-table.ts'
import { Others } from './others.ts'
import { folderOf } from './same-rows.ts'

let others: Others
beforeAll(async () => {
  others = await Others.open()
})
afterAll(() => others.close())

const fields = [
  field('id', 'long'),
  field('seen', 'timestamp'),
  field('day', 'date'),
  field('price', 'decimal(28,10)'),
  field('word', 'string'),
  field('x', 'double'),
]

/** Eight files; bounds that only just hold or miss, beyond 2^53, microseconds that milliseconds cannot tell, NULLs alone, long texts. */
async function tableOfFiles() {
  const table = await tempTable()
  const at = (text: string) => sql`${text}::TIMESTAMPTZ`
  const rows = [
    sql`SELECT 1 AS id, ${at('2026-01-01 00:00:00.000999+00')} AS seen, '2026-01-01'::DATE AS day, 0.1 AS price, 'a' AS word, 1.5 AS x`,
    sql`SELECT 9007199254740993 AS id, ${at('2026-01-01 00:00:00.001+00')} AS seen, '9999-12-31'::DATE AS day, '9999999999999999.0000000001'::DECIMAL(28,10) AS price, 'b' AS word, 'NaN'::DOUBLE AS x`,
    sql`SELECT 9007199254740992 AS id, ${at('2026-01-01 00:00:00.001001+00')} AS seen, '0001-01-01'::DATE AS day, -0.0000000001 AS price, ${'ü'.repeat(70)} AS word, 'Infinity'::DOUBLE AS x`,
    sql`SELECT NULL::BIGINT AS id, NULL::TIMESTAMPTZ AS seen, NULL::DATE AS day, NULL AS price, NULL AS word, NULL AS x`,
    sql`SELECT -9223372036854775808 AS id, ${at('9999-12-31 23:59:59.999999+00')} AS seen, '1582-10-10'::DATE AS day, '99999999999999999.9999999999'::DECIMAL(28,10) AS price, '' AS word, -0.0 AS x`,
    sql`SELECT 9223372036854775807 AS id, ${at('0001-01-01 00:00:00+00')} AS seen, '1970-01-01'::DATE AS day, 0 AS price, '😀' AS word, 1e300 AS x`,
    sql`SELECT i AS id, NULL::TIMESTAMPTZ AS seen, '2026-01-02'::DATE AS day, i AS price, 'c' || i AS word, i AS x FROM range(10, 20) t(i)`,
    sql`SELECT 15 AS id, ${at('1899-12-31 23:59:59.999999+00')} AS seen, '1969-12-31'::DATE AS day, 15 AS price, 'c15' AS word, 15 AS x`,
  ]
  let base: Snapshot | undefined
  for (const select of rows) base = await others.append(table, select, { base, fields })
  return { table, snapshot: base! }
}

const questions: [string, number][] = [
  ['id = 9007199254740993', 1],
  ['id = 9007199254740992', 1],
  ['id > 9007199254740992', 2],
  ['id < 0', 1],
  ['id = 15', 2],
  ['id IS NULL', 1],
  ['id IS NOT NULL AND id <> 15', 14],
  ["seen = TIMESTAMP '2026-01-01 00:00:00.001001+00:00'", 1],
  ["seen > TIMESTAMP '2026-01-01 00:00:00.001+00:00'", 2],
  ["seen < TIMESTAMP '1900-01-01 00:00:00+00:00'", 2],
  ["day = DATE '9999-12-31'", 1],
  ["day < DATE '1582-10-15'", 2],
  ['price > 9999999999999000.0', 2],
  ['price < 0.0', 1],
  ["word = ''", 1],
  ["word > 'c15'", 6],
  ["word = 'c15'", 2],
]

test('rows found by a condition are the same with files skipped', async () => {
  const { table, snapshot } = await tableOfFiles()
  await using _ = table
  // DuckDB's own literal of an instant; every other engine takes it, too, but for delta-rs and polars, whose dialects differ.
  for (const [where, count] of questions) {
    const instants = where.includes('TIMESTAMP')
    const among = instants ? (['spark', 'deltalake'] as const) : (['spark', 'deltalake', 'duckdb', 'polars'] as const)
    const own = where.replaceAll('TIMESTAMP ', 'TIMESTAMPTZ ')
    expect([where, await others.same(table, snapshot, { where: own, asked: where, among })]).toEqual([where, count])
    if (instants) expect([where, await others.same(table, snapshot, { where: own, among: ['duckdb'] })]).toEqual([where, count])
  }
})

test('Spark answers counts and bounds out of the log as out of the rows, from commits and from a checkpoint', async () => {
  const { table, snapshot } = await tableOfFiles()
  await using _ = table
  const ask = (...columns: string[]) => others.engines.spark(folderOf(table), `SELECT ${columns.join(', ')} FROM {table}`)
  for (const withCheckpoint of [false, true]) {
    if (withCheckpoint) await checkpoint(others.duck, table, snapshot)
    expect(await ask('count(*) AS n')).toEqual([{ n: 17 }])
    expect(await ask('CAST(min(id) AS STRING) AS low', 'CAST(max(id) AS STRING) AS high')).toEqual([
      { low: '-9223372036854775808', high: '9223372036854775807' },
    ])
    expect(await ask('CAST(min(day) AS STRING) AS low', 'CAST(max(day) AS STRING) AS high')).toEqual([
      { low: '0001-01-01', high: '9999-12-31' },
    ])
    expect(await ask('CAST(min(seen) AS STRING) AS low', 'CAST(max(seen) AS STRING) AS high')).toEqual([
      { low: '0001-01-01 00:00:00', high: '9999-12-31 23:59:59.999999' },
    ])
  }
})
