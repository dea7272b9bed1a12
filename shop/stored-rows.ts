// Rows of the embedded shop's tables in the simulation's own form.
import { readEmbeddedTable } from './read-embedded.ts'
import { shopTable } from './tables.ts'
import type { Row, Value } from './transaction.ts'

/** Whole numbers become numbers again, all else stays text (as ./transaction.ts says). */
export async function* storedRows(dir: string, table: string): AsyncGenerator<Row, void, undefined> {
  const numeric = shopTable(table).columns.filter(({ type }) => /^(big|small|tiny)?int/.test(type))
  for await (const text of readEmbeddedTable(dir, table)) {
    const row: Record<string, Value> = text
    for (const { name } of numeric) if (row[name] !== null) row[name] = Number(row[name])
    yield row
  }
}
