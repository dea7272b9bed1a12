// Each value of the self-test in silver, compared with what MySQL holds.
// Guarantee: compares as `verify` does, typed, column by column; a value that is not there is no equal one.
import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { scan } from '../../lake/scan.ts'
import { duckType } from '../../lake/schema.ts'
import { id, type Sql, sql, trusted } from '../../lake/sql.ts'
import { columnType } from '../column-types.ts'
import type { SourceTable } from '../source-schema.ts'
import type { SelfTestRow } from './self-test-table.ts'

/** `missing`: silver has no such row. */
export type CellVerdict = 'equal' | 'different' | 'missing'

export interface Cells {
  duck: Duck
  lake: Lakehouse
  schema: SourceTable
  rows: readonly SelfTestRow[]
  /** What MySQL prints for each row's own column, by `selectMysql`. */
  truth: ReadonlyMap<number, string | null>
  scratch: string
}

/** The verdict on each row, by its id. */
export async function compareCells({ duck, lake, schema, rows, truth, scratch }: Cells): Promise<Map<number, CellVerdict>> {
  const path = tablePath('silver', schema)
  const snapshot = await lake.current(path)
  const verdicts = new Map<number, CellVerdict>(rows.map(({ id }) => [id, 'missing']))
  if (!snapshot) return verdicts
  const file = joinPath(scratch, `${randomUUID()}.ndjson`)
  const lines = [...truth].map(([n, text]) => JSON.stringify({ n, text }))
  try {
    await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 })
    const size = Math.max(...lines.map(line => Buffer.byteLength(line))) + 1
    await duck.run(
      sql`CREATE OR REPLACE TEMP TABLE self_test_truth AS SELECT n, text FROM read_json(${file}, format = 'newline_delimited', columns = {n: 'INTEGER', text: 'VARCHAR'}, maximum_object_size = ${Math.max(size, 1 << 20)})`,
    )
    const silver = await scan(lake.table(path), snapshot)
    for (const [column, own] of Map.groupBy(rows, row => row.column)) {
      const source = schema.columns.find(({ name }) => name === column.name)
      if (!source) continue
      const same = sameValue(columnType(source, schema), id(column.name))
      const found = await duck.rows<{ n: number; same: boolean | null }>(
        sql`SELECT n, ${same} AS same FROM self_test_truth JOIN ${silver} AS silver ON silver.id = n WHERE list_contains(${own.map(row => row.id)}, n)`,
      )
      for (const { n, same } of found) verdicts.set(n, same === true ? 'equal' : 'different')
    }
    return verdicts
  } finally {
    await rm(file, { force: true })
  }
}

function sameValue(type: ReturnType<typeof columnType>, value: Sql): Sql {
  const typed = sql`CAST(${type.fromMysql(sql`text`)} AS ${trusted(duckType(type.delta))})`
  const comparable = type.comparable ?? (each => each)
  return sql`TRY(${comparable(typed)}) IS NOT DISTINCT FROM ${comparable(value)} AND (text IS NULL OR TRY(${typed}) IS NOT NULL OR ${value} IS NULL)`
}
