// A transaction of the simulation as MySQL statements.
// Guarantee: every value is escaped for MySQL; rows of one table in a row share a statement, in the order they stand.
import { escapeId, escape as literal } from 'mysql2'
import { shopTable } from './tables.ts'
import type { Change, Delete, Insert, Row, ShopTransaction, Update, Value } from './transaction.ts'

/** At most this many rows in one statement. */
const rowsPerStatement = 1_000

/** The statements from BEGIN to COMMIT, for a connection in UTC and with the shop's database chosen. */
export function statementsOf({ changes }: ShopTransaction): string[] {
  return ['BEGIN', ...groups(changes).map(statement), 'COMMIT']
}

/** Neighbours of the same table and operation; updates stay alone. */
function groups(changes: readonly Change[]): Change[][] {
  const result: Change[][] = []
  for (const change of changes) {
    const last = result.at(-1)
    const [first] = last ?? []
    const together = first && first.op === change.op && first.table === change.table && change.op !== 'update'
    if (together && last!.length < rowsPerStatement) last!.push(change)
    else result.push([change])
  }
  return result
}

function statement(group: Change[]): string {
  const [first] = group
  if (first!.op === 'insert') return insertRows(group as Insert[])
  if (first!.op === 'delete') return deleteRows(group as Delete[])
  return updateRow(first as Update)
}

function insertRows(group: Insert[]): string {
  const columns = Object.keys(group[0]!.after)
  const rows = group.map(({ after }) => tuple(columns.map(column => after[column]!)))
  return `INSERT INTO ${escapeId(group[0]!.table)} (${columns.map(name => escapeId(name)).join(', ')}) VALUES ${rows.join(', ')}`
}

function deleteRows(group: Delete[]): string {
  const { name, primaryKey } = shopTable(group[0]!.table)
  const keys = group.map(({ before }) => tuple(primaryKey.map(column => before[column]!)))
  return `DELETE FROM ${escapeId(name)} WHERE (${primaryKey.map(column => escapeId(column)).join(', ')}) IN (${keys.join(', ')})`
}

function updateRow({ table, before, after }: Update): string {
  const { columns, primaryKey } = shopTable(table)
  // A column with ON UPDATE must be named even if it stays the same, or the server fills in its own time.
  const changed = columns.filter(({ name, onUpdate }) => onUpdate !== undefined || after[name] !== before[name])
  const assignments = changed.map(({ name }) => equals(name, after))
  const where = primaryKey.map(column => equals(column, before))
  return `UPDATE ${escapeId(table)} SET ${assignments.join(', ')} WHERE ${where.join(' AND ')}`
}

function equals(column: string, row: Row): string {
  return `${escapeId(column)} = ${literal(row[column]!)}`
}

function tuple(values: readonly Value[]): string {
  return `(${values.map(value => literal(value)).join(', ')})`
}
