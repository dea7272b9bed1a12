// Geometries and vectors at their limits.
import { column, type TypeColumn, type Where } from './case.ts'

const text = (wkt: string, srid?: number) => `ST_GeomFromText('${wkt}'${srid === undefined ? '' : `, ${srid}`})`
const mysql8: Where = { mysql: [8, 0] }
const ring = '(0 0, 10 0, 10 10, 0 10, 0 0)'

const geometries: TypeColumn[] = [
  column('GEOMETRY', {
    point: text('POINT(1 2)'),
    'with SRID': text('POINT(1 2)', 3857),
    'latitude first': text('POINT(48.137154 11.576124)', 4326),
    collection: text('GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(0 0, 1 1))'),
  }),
  column('POINT', {
    zero: text('POINT(0 0)'),
    far: text('POINT(-1.7976931348623157e308 5e-324)'),
    '17 digits': text('POINT(0.30000000000000004 -0.1)'),
  }),
  column(
    'POINT SRID 4326',
    { pole: text('POINT(90 -180)', 4326), city: text('POINT(48.137154 11.576124)', 4326) },
    { where: mysql8 },
  ),
  column('LINESTRING', { line: text('LINESTRING(0 0, 1 1, 2 -2)') }),
  column('POLYGON', { plain: text(`POLYGON(${ring})`), 'with a hole': text(`POLYGON(${ring}, (2 2, 4 2, 4 4, 2 4, 2 2))`) }),
  column('MULTIPOINT', { two: text('MULTIPOINT(1 1, 2 2)') }),
  column('MULTILINESTRING', { two: text('MULTILINESTRING((0 0, 1 1), (2 2, 3 3))') }),
  column('MULTIPOLYGON', { two: text(`MULTIPOLYGON((${ring}), ((20 20, 30 20, 30 30, 20 20)))`) }),
  column('GEOMETRYCOLLECTION', {
    empty: text('GEOMETRYCOLLECTION EMPTY'),
    nested: text('GEOMETRYCOLLECTION(POINT(1 1), GEOMETRYCOLLECTION(POINT(2 2)))'),
  }),
]

const vectors: TypeColumn[] = [
  column(
    'VECTOR(4)',
    // Four bytes an element; `plain` is [0.1, -0.0, 1, 16777216].
    { limits: "x'FFFF7F7FFFFF7FFF0000800001000000'", plain: "x'CDCCCC3D000000800000803F0000804B'" },
    { name: 'c_vector', where: { mysql: [9, 0], mariadb: [11, 7] } },
  ),
]

export const shapeCases: TypeColumn[] = [...geometries, ...vectors]
