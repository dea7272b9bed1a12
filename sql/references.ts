// Reads a query's syntax tree, as DuckDB's own parser gives it: which tables it names, and that it only reads.
// Guarantee: a statement that passes is one SELECT (or EXPLAIN, DESCRIBE, SUMMARIZE, SHOW of one).
import type { Duck } from '../lake/duckdb.ts'
import { sql } from '../lake/sql.ts'
import { type TreeNode, walk } from './predicates.ts'
import { SqlError } from './sql-error.ts'

/** A table as the query spells it. */
export interface TableReference {
  schema: string
  table: string
}

const explain = /^\s*explain(?:\s+analyze)?\s+/i
const leadingComments = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)+/
const readOnly =
  'the lake is only read here: SELECT, WITH, FROM, VALUES, DESCRIBE, SUMMARIZE, EXPLAIN and PIVOT with an IN list are understood'

/** The tables that a statement names, CTEs left out. Throws SQL_INVALID for a syntax error, SQL_REFUSED for anything that is no query. */
export async function tableReferences(duck: Duck, text: string): Promise<TableReference[]> {
  return referencesIn(await syntaxTree(duck, text))
}

/** The tree of one statement; integers beyond 2^53 stand as their digits. Throws as tableReferences does. */
export async function syntaxTree(duck: Duck, text: string): Promise<TreeNode> {
  const query = text.replace(leadingComments, '').replace(explain, '')
  const row = await duck.row<{ tree: string }>(sql`SELECT json_serialize_sql(${query})::VARCHAR AS tree`)
  const exact = (_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) ? (context?.source ?? value) : value
  const tree = JSON.parse(row!.tree, exact) as {
    error: boolean
    error_type?: string
    error_message?: string
    statements?: TreeNode[]
  }
  if (tree.error && tree.error_type === 'parser') throw new SqlError('SQL_INVALID', `not SQL: ${tree.error_message}`)
  if (tree.error) throw new SqlError('SQL_REFUSED', `not a query; ${readOnly}`)
  if (tree.statements?.length !== 1) throw new SqlError('SQL_REFUSED', 'expected one statement')
  return tree.statements[0]!
}

/** The tables in a statement's tree. Throws SQL_REFUSED for SHOW TABLES and its like. */
export function referencesIn(tree: TreeNode): TableReference[] {
  const found: TableReference[] = []
  const ctes = new Set<string>()
  walk(tree, node => {
    const map = (node.cte_map as { map?: { key: string }[] } | undefined)?.map
    for (const { key } of map ?? []) ctes.add(key.toLowerCase())
    const name = String(node.table_name ?? '')
    if (node.type === 'SHOW_REF' && /^(__show_tables|"(tables|databases|schemas)"$)/.test(name)) {
      throw new SqlError('SQL_REFUSED', 'the tables of the lake are listed by `binlake tables`, at the prompt by .tables')
    }
    if (node.type === 'BASE_TABLE') found.push({ schema: String(node.schema_name ?? ''), table: name })
  })
  return found.filter(({ schema, table }) => schema !== '' || !ctes.has(table.toLowerCase()))
}
