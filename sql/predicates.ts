// What a query asks of the tables it reads, from its syntax tree: comparisons of a column with constants that every row must fulfil.
// Guarantee: only what is plainly understood is told; a table that is also read without a condition is told as read whole.
import type { Predicate } from '../lake/prune.ts'
import { type Sql, sql, trusted } from '../lake/sql.ts'

/** A node of DuckDB's syntax tree. Numbers stand as the text they were written in. */
export interface TreeNode {
  [key: string]: unknown
  type?: unknown
}

/** The column names of a table as the query names it; undefined if it is none of the lake's. */
export type ColumnsOf = (name: TableName) => readonly string[] | undefined

/** For each place where the query reads a table, what the rows read there must fulfil. */
export type Conditions = (name: TableName) => Predicate[][]

/** A table as the query spells it. */
interface TableName {
  schema: string
  table: string
}

interface Item {
  /** Undefined: not a plain table. */
  table: TreeNode | undefined
  name: string
  columns: readonly string[] | undefined
  /** Whether a row that fails the WHERE clause leaves nothing of this table's row in the result. */
  strict: boolean
}

/** Reads the tree of one statement. */
export function conditionsOf(tree: unknown, columnsOf: ColumnsOf): Conditions {
  const found = new Map<TreeNode, Predicate[]>()
  walk(tree, node => {
    if (node.type === 'BASE_TABLE' && !found.has(node)) found.set(node, [])
    if (node.type === 'SELECT_NODE') readSelect(node, columnsOf, found)
  })
  return ({ schema, table }) =>
    [...found]
      .filter(([node]) => same(text(node.schema_name), schema) && same(text(node.table_name), table))
      .map(([, list]) => list)
}

function readSelect(select: TreeNode, columnsOf: ColumnsOf, found: Map<TreeNode, Predicate[]>): void {
  if (select.sample || !select.where_clause) return
  const items = itemsOf(select.from_table as TreeNode, columnsOf, true)
  // DuckDB lets a WHERE clause use the names that the select list gives.
  const given = new Set(list(select.select_list).map(({ alias }) => text(alias).toLowerCase()))
  for (const { reference, ...rest } of conjuncts(select.where_clause as TreeNode).flatMap(comparison)) {
    const item = ownerOf(reference, items, given)
    if (!item?.table || !item.strict) continue
    const column = item.columns!.find(name => same(name, reference.at(-1)!))!
    found.set(item.table, [...(found.get(item.table) ?? []), { column, ...rest }])
  }
}

/** What stands in the FROM clause. Only inner and outer joins are looked into. */
function itemsOf(from: TreeNode | undefined, columnsOf: ColumnsOf, strict: boolean): Item[] {
  const other: Item = { table: undefined, name: text(from?.alias), columns: undefined, strict: false }
  if (!from) return [other]
  if (from.type === 'BASE_TABLE') {
    const [schema, table] = [text(from.schema_name), text(from.table_name)]
    const columns = list(from.column_name_alias).length > 0 ? undefined : columnsOf({ schema, table })
    const plain = columns && !from.sample && !from.at_clause ? from : undefined
    return [{ table: plain, name: text(from.alias) || table, columns, strict }]
  }
  const kinds: Record<string, [left: boolean, right: boolean]> = {
    INNER: [true, true],
    LEFT: [true, false],
    RIGHT: [false, true],
  }
  const kept = kinds[text(from.join_type)]
  if (from.type !== 'JOIN' || !kept || !['REGULAR', 'CROSS'].includes(text(from.ref_type)) || from.sample) return [other]
  return [
    ...itemsOf(from.left as TreeNode, columnsOf, strict && kept[0]),
    ...itemsOf(from.right as TreeNode, columnsOf, strict && kept[1]),
  ]
}

/** The one table that a column's name can mean. */
function ownerOf(reference: readonly string[], items: readonly Item[], given: ReadonlySet<string>): Item | undefined {
  const column = reference.at(-1)!
  const has = (item: Item) => item.columns?.some(name => same(name, column)) ?? false
  if (reference.length === 2) {
    const named = items.filter(({ name }) => same(name, reference[0]!))
    return named.length === 1 && has(named[0]!) ? named[0] : undefined
  }
  if (reference.length !== 1 || given.has(column.toLowerCase()) || items.some(({ columns }) => !columns)) return undefined
  const owners = items.filter(has)
  return owners.length === 1 ? owners[0] : undefined
}

function conjuncts(node: TreeNode): TreeNode[] {
  return node.type === 'CONJUNCTION_AND' ? list(node.children).flatMap(conjuncts) : [node]
}

type Comparison = { reference: string[] } & Omit<Predicate, 'column'>

const operators: Record<string, [operator: Predicate['operator'], turned: Predicate['operator']]> = {
  COMPARE_EQUAL: ['=', '='],
  COMPARE_LESSTHAN: ['<', '>'],
  COMPARE_LESSTHANOREQUALTO: ['<=', '>='],
  COMPARE_GREATERTHAN: ['>', '<'],
  COMPARE_GREATERTHANOREQUALTO: ['>=', '<='],
}

/** A condition as comparisons that all hold; empty if it is of another kind. */
function comparison(node: TreeNode): Comparison[] {
  const known = operators[text(node.type)]
  if (known) {
    const [left, right] = [node.left as TreeNode, node.right as TreeNode]
    return compare(left, known[0], [right]) ?? compare(right, known[1], [left]) ?? []
  }
  if (node.type === 'COMPARE_BETWEEN') {
    const [input, lower, upper] = [node.input, node.lower, node.upper] as TreeNode[]
    if (!constants([lower!, upper!])) return []
    return [compare(input!, '>=', [lower!]), compare(input!, '<=', [upper!])].flatMap(one => one ?? [])
  }
  const [input, ...values] = node.type === 'COMPARE_IN' ? list(node.children) : []
  return (input && values.length > 0 && compare(input, '=', values)) || []
}

function compare(column: TreeNode, operator: Predicate['operator'], nodes: readonly TreeNode[]): Comparison[] | undefined {
  if (column.type !== 'COLUMN_REF') return undefined
  const found = constants(nodes)
  return found && [{ reference: (column.column_names as unknown[]).map(text), operator, ...found }]
}

/** The constants of one comparison as SQL; undefined if one is no constant, or they are not of one kind, which would decide how DuckDB compares. */
function constants(nodes: readonly TreeNode[]): { values: Sql[]; plain: boolean } | undefined {
  const all = nodes.map(constant)
  const kinds = new Set(all.map(one => one?.kind))
  if (kinds.size !== 1 || kinds.has(undefined)) return undefined
  return { values: all.map(one => one!.value), plain: kinds.has('VARCHAR') }
}

const casts = new Set(['DATE', 'TIMESTAMP', 'TIMESTAMP WITH TIME ZONE'])
const integers = new Set(['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT'])

function constant(node: TreeNode): { kind: string; value: Sql } | undefined {
  if (node.type === 'OPERATOR_CAST' && node.try_cast !== true) {
    const type = text((node.cast_type as TreeNode | undefined)?.id)
    const inner = constant(node.child as TreeNode)
    return inner?.kind === 'VARCHAR' && casts.has(type)
      ? { kind: type, value: sql`CAST(${inner.value} AS ${trusted(type)})` }
      : undefined
  }
  const value = node.value as { type?: TreeNode; is_null?: boolean; value?: unknown } | undefined
  if (node.type !== 'VALUE_CONSTANT' || !value?.type || value.is_null) return undefined
  const id = text(value.type.id)
  if (id === 'VARCHAR') return { kind: id, value: sql`${text(value.value)}` }
  const digits = text(value.value)
  if (integers.has(id) && /^-?\d+$/.test(digits)) return { kind: 'number', value: trusted(digits) }
  if (id === 'DECIMAL' && /^-?\d+$/.test(digits)) {
    const { width, scale } = (value.type.type_info ?? {}) as { width?: unknown; scale?: unknown }
    const [, sign = '', number = ''] = /^(-?)(\d+)$/.exec(digits) ?? []
    const padded = number.padStart(Number(text(scale)) + 1, '0')
    const at = padded.length - Number(text(scale))
    const written = `${sign}${padded.slice(0, at)}.${padded.slice(at)}`
    return {
      kind: 'number',
      value: sql`CAST(${written} AS ${trusted(`DECIMAL(${Number(text(width))}, ${Number(text(scale))})`)})`,
    }
  }
  return undefined
}

function list(value: unknown): TreeNode[] {
  return Array.isArray(value) ? (value as TreeNode[]) : []
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'bigint' ? String(value) : ''
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

/** Visits every object of a tree. */
export function walk(value: unknown, visit: (node: TreeNode) => void): void {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) visit(value as TreeNode)
  for (const child of Object.values(value)) walk(child, visit)
}
