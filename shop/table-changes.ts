// A table of the shop as Debezium's schema change topic describes it, and as MySQL shows it.
// Guarantee: column for column what Debezium 3.6.1 reports for the same table on MySQL 9.7, its oddities included.
import { type Column, shopTables, type Table } from './tables.ts'

/** java.sql.Types, as Debezium maps MySQL's types to them. */
const jdbcTypes: Record<string, number> = {
  INT: 4,
  BIGINT: -5,
  TINYINT: 5,
  SMALLINT: 5,
  DECIMAL: 3,
  CHAR: 1,
  ENUM: 1,
  VARCHAR: 12,
  DATE: 91,
  DATETIME: 93,
  TIMESTAMP: 2014,
}

/** `tableChanges` of CREATE TABLE, JSON. */
export function createChange(database: string, table: Table): string {
  const described = {
    defaultCharsetName: 'utf8mb4',
    primaryKeyColumnNames: table.primaryKey,
    columns: table.columns.map(describe),
    comment: null,
  }
  return JSON.stringify([{ type: 'CREATE', id: quotedId(database, table), table: described }])
}

/** `tableChanges` of DROP TABLE, JSON. */
export function dropChange(database: string, table: Table): string {
  return JSON.stringify([{ type: 'DROP', id: quotedId(database, table), table: null }])
}

/** What SHOW CREATE TABLE answers: the form in which a snapshot reports a table. */
export function showCreateTable({ name, columns, primaryKey, uniqueKeys, foreignKeys }: Table): string {
  const keys = foreignKeys.map(({ columns: names }) => list(names))
  // An index that starts with the same columns, the primary one included, serves the foreign key as well.
  const served = (key: string, at: number) =>
    list(primaryKey).startsWith(key) || keys.some((other, index) => index !== at && other.startsWith(key))
  const indexes = foreignKeys.flatMap(({ columns: names }, at) =>
    served(keys[at]!, at) ? [] : [`KEY \`${names[0]}\` (${keys[at]})`],
  )
  const lines = [
    ...columns.map(columnLine),
    `PRIMARY KEY (${list(primaryKey)})`,
    ...uniqueKeys.map(names => `UNIQUE KEY \`${names[0]}\` (${list(names)})`),
    ...indexes,
    ...foreignKeys.map(
      ({ columns: names, table, references }, index) =>
        `CONSTRAINT \`${name}_ibfk_${index + 1}\` FOREIGN KEY (${list(names, ', ')}) REFERENCES \`${table}\` (${list(references, ', ')})`,
    ),
  ]
  return `CREATE TABLE \`${name}\` (\n  ${lines.join(',\n  ')}\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci`
}

/** In the order in which Debezium goes through them. */
export function tablesByName(): Table[] {
  return shopTables.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function describe({ name, type, nullable, default: value, autoIncrement, onUpdate }: Column, index: number) {
  const [, base = '', args, unsigned] = /^(\w+)(?:\((.*)\))?( unsigned)?$/.exec(type)!
  const kind = base.toUpperCase()
  const isEnum = kind === 'ENUM'
  const [length, scale] = args === undefined || isEnum ? [] : args.split(',').map(Number)
  const typeName = unsigned ? `${kind} UNSIGNED` : kind
  // Debezium counts ON UPDATE as generated.
  const generated = autoIncrement === true || onUpdate !== undefined
  return {
    name,
    jdbcType: jdbcTypes[kind],
    nativeType: null,
    typeName,
    typeExpression: typeName,
    charsetName: isEnum || kind.endsWith('CHAR') ? 'utf8mb4' : null,
    length: isEnum ? 1 : (length ?? null),
    scale: scale ?? null,
    position: index + 1,
    optional: nullable,
    autoIncremented: generated,
    generated,
    comment: null,
    defaultValueExpression: defaultText(value),
    enumValues: isEnum ? args!.split(',') : null,
  }
}

/** A time that is not constant is reported as the epoch. */
function defaultText(value: string | undefined): string | null {
  if (value === undefined) return null
  return value.startsWith('CURRENT_TIMESTAMP') ? '1970-01-01 00:00:00' : value.replaceAll("'", '')
}

function columnLine({ name, type, nullable, default: value, autoIncrement, onUpdate }: Column): string {
  const parts = [`\`${name}\``, type]
  if (!nullable) parts.push('NOT NULL')
  if (autoIncrement) parts.push('AUTO_INCREMENT')
  if (value !== undefined) parts.push(`DEFAULT ${/^\d/.test(value) ? `'${value}'` : value}`)
  else if (nullable) parts.push('DEFAULT NULL')
  if (onUpdate) parts.push(`ON UPDATE ${onUpdate}`)
  return parts.join(' ')
}

function quotedId(database: string, { name }: Table): string {
  return `"${database}"."${name}"`
}

function list(names: readonly string[], separator = ','): string {
  return names.map(name => `\`${name}\``).join(separator)
}
