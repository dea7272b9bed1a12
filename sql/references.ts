// Reads a query's syntax tree, as DuckDB's own parser gives it: which tables it names, and that it only reads.
// Guarantee: a statement that passes is one SELECT (or EXPLAIN, DESCRIBE, SUMMARIZE, SHOW of one).
import type { Duck } from '../lake/duckdb.ts'
import { sql } from '../lake/sql.ts'
import { SqlError } from './sql-error.ts'

/** A table as the query spells it. */
export interface TableReference {
  schema: string
  table: string
}

interface TreeNode {
  type?: unknown
  schema_name?: unknown
  table_name?: unknown
  catalog_name?: unknown
  cte_map?: { map?: { key: string }[] }
}

const explain = /^\s*explain(?:\s+analyze)?\s+/i
const leadingComments = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/
const readOnly =
  'the lake is only read here: SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE, EXPLAIN and PIVOT with an IN list are understood'

/** The tables that a statement names, CTEs left out. Throws SQL_INVALID for a syntax error, SQL_REFUSED for anything that is no query. */
export async function tableReferences(duck: Duck, text: string): Promise<TableReference[]> {
  const query = text.replace(leadingComments, '').replace(explain, '')
  const row = await duck.row<{ tree: string }>(sql`SELECT json_serialize_sql(${query})::VARCHAR AS tree`)
  const tree = JSON.parse(row!.tree) as { error: boolean; error_type?: string; error_message?: string; statements?: unknown[] }
  if (tree.error && tree.error_type === 'parser') throw new SqlError('SQL_INVALID', `not SQL: ${tree.error_message}`)
  if (tree.error) throw new SqlError('SQL_REFUSED', `not a query; ${readOnly}`)
  if (tree.statements?.length !== 1) throw new SqlError('SQL_REFUSED', 'expected one statement')
  const found: TableReference[] = []
  const ctes = new Set<string>()
  walk(tree.statements[0], node => {
    for (const { key } of node.cte_map?.map ?? []) ctes.add(key.toLowerCase())
    const name = String(node.table_name ?? '')
    if (node.type === 'SHOW_REF' && /^(__show_tables|"(tables|databases|schemas)"$)/.test(name)) {
      throw new SqlError('SQL_REFUSED', 'the tables of the lake are listed by `binlake tables`, at the prompt by .tables')
    }
    if (node.type === 'BASE_TABLE') found.push({ schema: String(node.schema_name ?? ''), table: name })
  })
  return found.filter(({ schema, table }) => schema !== '' || !ctes.has(table.toLowerCase()))
}

function walk(value: unknown, visit: (node: TreeNode) => void): void {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) visit(value as TreeNode)
  for (const child of Object.values(value)) walk(child, visit)
}
