// Text, labels, bytes and JSON documents.
// Guarantee: the empty text stays distinct from NULL, and equal JSON documents become equal text.
import { sql } from '../../lake/sql.ts'
import { canonicalJson } from './canonical-json.ts'
import { asHex, cast, type Family, viaText } from './family.ts'

const string: Family = column => viaText(column, 'string', text => cast(text, 'VARCHAR'))

/** Debezium writes `a\\,b` for the label `a,b` when it comes from the binlog. */
const enumeration: Family = column => {
  const labels = column.enumValues ?? []
  const type = string(column)
  if (!labels.some(label => label.includes(','))) return type
  return {
    ...type,
    fromJson: value => sql`CASE WHEN list_contains(${labels}, ${value}) THEN ${value} ELSE replace(${value}, '\\,', ',') END`,
  }
}

const set: Family = column =>
  viaText(column, { type: 'array', elementType: 'string', containsNull: true }, text => {
    return sql`CASE WHEN ${text} = '' THEN []::VARCHAR[] ELSE string_split(${text}, ',') END`
  })

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
