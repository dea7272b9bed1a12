// Text, labels, bytes and JSON documents.
// Guarantee: the empty text stays distinct from NULL, and equal JSON documents become equal text.
import { join, type Sql, sql } from '../../lake/sql.ts'
import type { SourceColumn } from '../source-schema.ts'
import { canonicalJson } from './canonical-json.ts'
import { asHex, cast, type Family, viaText } from './family.ts'

const string: Family = column => viaText(column, 'string', text => cast(text, 'VARCHAR'))

const enumeration: Family = column => ({ ...string(column), fromJson: value => labelled(column, value) })

const set: Family = column => {
  const labels = (text: Sql) => sql`CASE WHEN ${text} = '' THEN []::VARCHAR[] ELSE string_split(${text}, ',') END`
  const type = viaText(column, { type: 'array', elementType: 'string', containsNull: true }, labels)
  if (respelled(column).size === 0) return type
  return { ...type, fromJson: value => sql`list_transform(${labels(value)}, lambda label: ${labelled(column, sql`label`)})` }
}

/** A label as MySQL has it. */
function labelled(column: SourceColumn, value: Sql): Sql {
  const spellings = respelled(column)
  if (spellings.size === 0) return value
  const cases = [...spellings].map(([written, label]) => sql`WHEN ${written} THEN ${label}`)
  return sql`CASE ${value} ${join(cases, ' ')} ELSE ${value} END`
}

/** Labels that Debezium writes otherwise when they come from the binlog: as in the statement, `back\\slash`, and with commas escaped. */
function respelled({ enumValues = [] }: SourceColumn): Map<string, string> {
  const labels = enumValues.map(written => written.replace(/\\(.)/gs, (_, char: string) => escapes[char] ?? char))
  const spellings = enumValues.flatMap((written, i) =>
    [written, written.replaceAll(',', '\\,')].map((spelling): [string, string] => [spelling, labels[i]!]),
  )
  return new Map(spellings.filter(([spelling]) => !labels.includes(spelling)))
}

/** MySQL's escapes in a quoted text that stand for another character than the one behind the backslash; a label with a NUL is beyond us. */
const escapes: Record<string, string> = { '%': '\\%', _: '\\_', b: '\b', n: '\n', r: '\r', t: '\t', Z: '\x1a' }

const json: Family = column => viaText(column, 'string', canonicalJson)

const binary: Family = column => ({
  delta: 'binary',
  jsonType: 'VARCHAR',
  fromJson: value => sql`from_base64(${value})`,
  selectMysql: asHex(column),
  fromMysql: text => sql`unhex(${text})`,
})

const stringNames = [
  ...['CHAR', 'CHARACTER', 'VARCHAR', 'CHAR VARYING', 'CHARACTER VARYING', 'NCHAR', 'NVARCHAR', 'NCHAR VARCHAR', 'NCHAR VARYING'],
  ...['NATIONAL CHAR', 'NATIONAL CHARACTER', 'NATIONAL VARCHAR', 'NATIONAL CHAR VARYING', 'NATIONAL CHARACTER VARYING'],
  ...['TINYTEXT', 'TEXT', 'MEDIUMTEXT', 'LONGTEXT', 'LONG', 'LONG VARCHAR', 'LONG CHAR VARYING'],
  ...['UUID', 'INET4', 'INET6'],
]
const binaryNames = ['BINARY', 'VARBINARY', 'TINYBLOB', 'BLOB', 'MEDIUMBLOB', 'LONGBLOB', 'LONG VARBINARY']

export const texts: Record<string, Family> = {
  ...Object.fromEntries(stringNames.map(name => [name, string])),
  ...Object.fromEntries(binaryNames.map(name => [name, binary])),
  ENUM: enumeration,
  SET: set,
  JSON: json,
}
