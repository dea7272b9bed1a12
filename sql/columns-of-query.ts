// The column names that a query mentions.
// Guarantee: a name is missing only if the query cannot read it: `*` is told as such.
import { type TreeNode, walk } from './predicates.ts'

/** In lower case, without the tables they are said of. `all`: a `*` takes whatever there is. */
export function columnsIn(tree: TreeNode): { names: ReadonlySet<string>; all: boolean } {
  const names = new Set<string>()
  let all = false
  walk(tree, node => {
    if (node.class === 'STAR') all = true
    const parts = node.column_names
    if (Array.isArray(parts)) for (const part of parts) names.add(String(part).toLowerCase())
    // JOIN … USING names them beside.
    if (Array.isArray(node.using_columns)) for (const part of node.using_columns) names.add(String(part).toLowerCase())
  })
  return { names, all }
}
