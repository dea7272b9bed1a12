// Geometries and vectors.
// Guarantee: the bytes that MySQL stores are the ones kept; no axis is swapped and no element is rounded.
import { field } from '../../lake/schema.ts'
import { type Sql, sql } from '../../lake/sql.ts'
import { asHex, type Family, littleEndian } from './family.ts'

const geometry: Family = column => ({
  delta: { type: 'struct', fields: [field('wkb', 'binary'), field('srid', 'integer')] },
  jsonType: 'STRUCT(wkb VARCHAR, srid INTEGER)',
  fromJson: value => geometryOf(value, sql`from_base64(struct_extract(${value}, 'wkb'))`, sql`struct_extract(${value}, 'srid')`),
  // MySQL's own bytes, four of SRID (0: none) before the WKB: ST_AsWKB would swap the axes of geographic systems.
  selectMysql: asHex(column),
  fromMysql: text => geometryOf(text, sql`unhex(substr(${text}, 9))`, sql`nullif(${littleEndian(text, 4)}::BIGINT, 0)`),
})

function geometryOf(value: Sql, wkb: Sql, srid: Sql): Sql {
  return sql`CASE WHEN ${value} IS NOT NULL THEN struct_pack(wkb := ${wkb}, srid := ${srid}::INTEGER) END`
}

const vector: Family = column => ({
  delta: { type: 'array', elementType: 'float', containsNull: true },
  jsonType: 'FLOAT[]',
  fromJson: value => value,
  // VECTOR_TO_STRING rounds to six digits, so the four bytes of each element are read instead.
  selectMysql: asHex(column),
  fromMysql: text => {
    const bits = sql`${littleEndian(sql`substr(${text}, place, 8)`, 4)}::BIGINT`
    return sql`list_transform(range(1, length(${text}), 8), lambda place: ${ieeeSingle(bits)})`
  },
})

/** The number that 32 bits mean in IEEE 754 single precision. */
function ieeeSingle(bits: Sql): Sql {
  const exponent = sql`((${bits} >> 23) & 255)`
  const fraction = sql`(${bits} & 8388607)`
  const normal = sql`(8388608 + ${fraction}) * pow(2::DOUBLE, ${exponent} - 150)`
  const subnormal = sql`${fraction} * pow(2::DOUBLE, -149)`
  return sql`((CASE WHEN ${exponent} = 0 THEN ${subnormal} ELSE ${normal} END) * CASE WHEN (${bits} >> 31) = 1 THEN -1 ELSE 1 END)::FLOAT`
}

const geometryNames = ['GEOMETRY', 'POINT', 'LINESTRING', 'POLYGON', 'MULTIPOINT', 'MULTILINESTRING', 'MULTIPOLYGON']

export const shapes: Record<string, Family> = {
  ...Object.fromEntries([...geometryNames, 'GEOMETRYCOLLECTION', 'GEOMCOLLECTION'].map(name => [name, geometry])),
  VECTOR: vector,
}
