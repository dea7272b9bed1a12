// Which gold models a column's change may reach.
import type { Duck } from '../../lake/duckdb.ts'
import { columnsIn } from '../../sql/columns-of-query.ts'
import type { GoldModel } from '../../sql/gold-models.ts'
import { syntaxTree } from '../../sql/references.ts'
import type { TableName } from '../source-schema.ts'

/** Models that read the table's silver and mention one of the columns, or read all of them; without columns, all that read the table. */
export async function modelsReading(
  duck: Duck,
  models: readonly GoldModel[],
  { database, table, columns }: TableName & { columns?: readonly string[] },
): Promise<string[]> {
  const silver = new Set(
    [table, `${table}_history`].flatMap(name => [name, `${database}.${name}`]).map(name => name.toLowerCase()),
  )
  const found: string[] = []
  for (const { name, text, inputs } of models) {
    if (!inputs.some(input => input.schema === 'silver' && silver.has(input.table.toLowerCase()))) continue
    const mentioned = columnsIn(await syntaxTree(duck, text))
    if (!columns || mentioned.all || columns.some(column => mentioned.names.has(column.toLowerCase()))) found.push(name)
  }
  return found
}
