// Integers, decimals, floating point, bits and years.
// Guarantee: no value passes through a wider or narrower number on its way; UNSIGNED takes the next larger signed type.
import type { DeltaType } from '../../lake/schema.ts'
import { sql } from '../../lake/sql.ts'
import type { SourceColumn } from '../source-schema.ts'
import { asChar, type ColumnType, cast, type Family, littleEndian, mysqlName, viaText } from './family.ts'

type Whole = [delta: DeltaType, duck: string]

const unsigned = (column: SourceColumn) => /\bUNSIGNED\b|\bZEROFILL\b/i.test(column.typeName)

/** Bool columns arrive as 0 and 1 or as false and true, by how the table came to be: json_transform_strict takes both. */
function whole(signedType: Whole, unsignedType: Whole = signedType): Family {
  return column => {
    const [delta, duck] = unsigned(column) ? unsignedType : signedType
    return { delta, jsonType: duck, fromJson: value => value, selectMysql: asChar(column), fromMysql: text => cast(text, duck) }
  }
}

const short: Whole = ['short', 'SMALLINT']
const integer: Whole = ['integer', 'INTEGER']
const tinyint = whole(['byte', 'TINYINT'], short)
const smallint = whole(short, integer)
const mediumint = whole(integer)
const int = whole(integer, ['long', 'BIGINT'])
const signedBigint = whole(['long', 'BIGINT'])

const bigint: Family = column => {
  if (!unsigned(column)) return signedBigint(column)
  return {
    delta: 'decimal(20,0)',
    jsonType: 'BIGINT',
    // The connector's mode `long` wraps values from 2^63 on to negative ones.
    fromJson: value => sql`(${value}::HUGEINT + CASE WHEN ${value} < 0 THEN 18446744073709551616 ELSE 0 END)::DECIMAL(20,0)`,
    selectMysql: asChar(column),
    fromMysql: text => cast(text, 'DECIMAL(20,0)'),
  }
}

const decimal: Family = column => {
  const [precision, scale] = [column.length ?? 10, column.scale ?? 0]
  // Delta ends at 38 digits, MySQL at 65.
  if (precision > 38) return viaText(column, 'string', text => cast(text, 'VARCHAR'))
  return viaText(column, `decimal(${precision},${scale})`, text => cast(text, `DECIMAL(${precision},${scale})`))
}

function floating(column: SourceColumn, duck: 'FLOAT' | 'DOUBLE'): ColumnType {
  return {
    delta: duck === 'FLOAT' ? 'float' : 'double',
    jsonType: duck,
    fromJson: value => value,
    // MySQL prints a FLOAT with six digits, and CAST AS CHAR cuts a DOUBLE: as a sum it comes with every digit that matters.
    selectMysql: `(${mysqlName(column)} + 0e0)`,
    fromMysql: text => cast(text, duck),
    // Debezium's snapshot reads MySQL's six digits, the binlog holds them all. MySQL's sum has no minus zero.
    comparable: value => (duck === 'FLOAT' ? sql`format('{:.5e}', ${value}::DOUBLE + 0)` : sql`(${value} + 0)`),
  }
}

/** FLOAT(25) to FLOAT(53) is MySQL's way to say DOUBLE; FLOAT(7,4) is a single. */
const float: Family = column => floating(column, column.scale === undefined && (column.length ?? 0) > 24 ? 'DOUBLE' : 'FLOAT')
const double: Family = column => floating(column, 'DOUBLE')

const bit: Family = column => {
  const bits = column.length ?? 1
  const selectMysql = `CAST(CAST(${mysqlName(column)} AS UNSIGNED) AS CHAR)`
  if (bits === 1) {
    return {
      delta: 'boolean',
      jsonType: 'BOOLEAN',
      fromJson: value => value,
      selectMysql,
      fromMysql: text => sql`(${text} <> '0')`,
    }
  }
  const [delta, duck]: Whole = bits === 64 ? ['decimal(20,0)', 'DECIMAL(20,0)'] : ['long', 'BIGINT']
  return {
    delta,
    jsonType: 'VARCHAR',
    fromJson: value => cast(littleEndian(sql`rpad(hex(from_base64(${value})), 16, '0')`, 8), `UBIGINT::${duck}`),
    selectMysql,
    fromMysql: text => cast(text, duck),
  }
}

/** The year 0000 arrives from the binlog as 1900, which no YEAR can be. */
const year: Family = column => ({
  ...whole(short)(column),
  fromJson: value => sql`CASE WHEN ${value} = 1900 THEN 0::SMALLINT ELSE ${value} END`,
})

/** Not here: REAL, which Debezium reads as single precision when the table is made while it streams. */
export const numbers: Record<string, Family> = {
  TINYINT: tinyint,
  INT1: tinyint,
  BOOL: tinyint,
  BOOLEAN: tinyint,
  SMALLINT: smallint,
  INT2: smallint,
  MEDIUMINT: mediumint,
  MIDDLEINT: mediumint,
  INT3: mediumint,
  INT: int,
  INTEGER: int,
  INT4: int,
  BIGINT: bigint,
  INT8: bigint,
  DECIMAL: decimal,
  DEC: decimal,
  NUMERIC: decimal,
  FIXED: decimal,
  FLOAT: float,
  FLOAT4: float,
  DOUBLE: double,
  'DOUBLE PRECISION': double,
  FLOAT8: double,
  BIT: bit,
  YEAR: year,
}
