// A table as MySQL's information_schema describes it now: where no schema change has told of it, and to check the registry against.
// Guarantee: the same description that Debezium would give, as far as types are read.
import type { SourceColumn, SourceTable, TableName } from '../source-schema.ts'

/** Statements of two question marks, database and table, and what `tableOf` makes of their rows. */
export const columnsQuery = `SELECT COLUMN_NAME, ORDINAL_POSITION, IS_NULLABLE, COLUMN_TYPE, CHARACTER_SET_NAME
  FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`
export const keyQuery = `SELECT COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE
  WHERE CONSTRAINT_NAME = 'PRIMARY' AND TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`

type Text = string | null

/** Rows in the order of the queries' columns. Undefined: there is no such table. */
export function tableOf(name: TableName, columns: readonly Text[][], key: readonly Text[][]): SourceTable | undefined {
  if (columns.length === 0) return undefined
  return {
    database: name.database,
    table: name.table,
    primaryKey: key.map(([column]) => column!),
    columns: columns.map(columnOf),
  }
}

function columnOf([name, position, nullable, type, charset]: readonly Text[]): SourceColumn {
  const [, word = '', parenthesised, rest = ''] = /^(\w+)\s*(?:\((.*)\))?\s*(.*)$/s.exec(type!) ?? []
  const labels = /^(?:enum|set)$/i.test(word) ? labelsIn(parenthesised ?? '') : undefined
  const [length, scale] = labels || parenthesised === undefined ? [] : parenthesised.split(',').map(Number)
  const modifiers = rest.toUpperCase().match(/\b(?:UNSIGNED|ZEROFILL)\b/g) ?? []
  return {
    name: name!,
    typeName: [word.toUpperCase(), ...modifiers].join(' '),
    optional: nullable === 'YES',
    position: Number(position),
    ...(length === undefined ? {} : { length }),
    ...(scale === undefined ? {} : { scale }),
    ...(labels ? { enumValues: labels } : {}),
    ...(charset ? { charset } : {}),
  }
}

function labelsIn(list: string): string[] {
  return [...list.matchAll(/'((?:[^']|'')*)'/g)].map(([, label]) => label!.replaceAll("''", "'"))
}
