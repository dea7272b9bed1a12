// Which columns of a table are compared, and in which form.
// Guarantee: both sides get the same; what the source has dropped is left out, what it prints in part is brought to what can be compared.
import type { KeyColumn } from '../../connectors/source-rows.ts'
import { duckType } from '../../lake/schema.ts'
import { id, join, type Sql, sql, trusted } from '../../lake/sql.ts'
import type { MaskPlan } from '../../privacy/mask.ts'
import { columnType } from '../column-types.ts'
import type { SourceColumn, SourceTable } from '../source-schema.ts'

export interface Compare {
  schema: SourceTable
  mask: MaskPlan
  /** Source columns that are read. */
  reads: SourceColumn[]
  /** Columns of silver that are compared. */
  columns: string[]
  /** What tells rows apart: the key, or `wholeRow` of a table without one. */
  identity: string[]
  /** The source's key, to ask it for single rows; empty: it cannot be asked. */
  key: KeyColumn[]
}

/** The name of the list of a row's source key, as texts, beside its columns: no column's name ends with a space. */
export const sourceKey = 'key '
/** Of a table without a key, whose rows are compared by how often they are there: a hash of all compared columns. */
export const wholeRow = 'row '

export function compareOf(schema: SourceTable, mask: MaskPlan): Compare {
  const dropped = new Set(schema.columns.filter(column => column.dropped).map(({ name }) => name))
  const present = {
    schema: { ...schema, columns: schema.columns.filter(column => !column.dropped) },
    mask: { ...mask, columns: mask.columns.filter(({ source }) => !dropped.has(source)) },
  }
  const columns = present.mask.columns.map(({ name }) => name)
  const named = present.mask.primaryKey.filter(name => columns.includes(name))
  const whole = named.length > 0 && named.length === present.mask.primaryKey.length
  return {
    ...present,
    reads: present.schema.columns.filter(({ name }) => schema.primaryKey.includes(name) || mask.reads.includes(name)),
    columns,
    identity: whole ? named : [wholeRow],
    key: whole ? keyColumns(present.schema) : [],
  }
}

function keyColumns(schema: SourceTable): KeyColumn[] {
  const found = schema.primaryKey.map(name => schema.columns.find(column => column.name === name))
  if (found.some(column => column === undefined)) return []
  return found.map(column => {
    const type = columnType(column!, schema)
    const numeric = /INT|DECIMAL|NUMERIC|BIT|YEAR|FIXED|SERIAL|BOOL/.test(column!.typeName.toUpperCase())
    return { name: column!.name, as: type.selectMysql.startsWith('HEX(') ? 'hex' : numeric ? 'number' : 'text' }
  })
}

/** Silver's columns out of the source's texts `c0`, `c1`, …: typed, masked, comparable, and the key as texts. */
export function fromTexts(rows: Sql, compare: Compare): Sql {
  const { schema, mask, reads, key } = compare
  const typed = reads.map((column, i) => {
    const type = columnType(column, schema)
    return sql`CAST(${type.fromMysql(id(`c${i}`))} AS ${trusted(duckType(type.delta))}) AS ${id(column.name)}`
  })
  const texts = key.map(({ name }) => id(`c${reads.findIndex(column => column.name === name)}`))
  const kept = texts.length > 0 ? sql`[${join(texts)}]::VARCHAR[]` : sql`NULL::VARCHAR[]`
  const masked = [...mask.columns.map(({ expr, name }) => sql`${expr} AS ${id(name)}`), id(sourceKey)]
  return comparable(
    sql`SELECT ${join(masked)} FROM (SELECT ${join([...typed, sql`${kept} AS ${id(sourceKey)}`])} FROM ${rows})`,
    compare,
    { also: [sourceKey] },
  )
}

/** Values that MySQL prints in part are brought to what can be compared. */
export function comparable(rows: Sql, { mask, schema, identity, columns: all }: Compare, { also = [] as string[] } = {}): Sql {
  const columns = mask.columns.map(({ name, source, delta }) => {
    const column = schema.columns.find(each => each.name === source)
    const type = column && columnType(column, schema)
    return type?.comparable && type.delta === delta ? sql`${type.comparable(id(name))} AS ${id(name)}` : id(name)
  })
  const made = sql`SELECT ${join([...columns, ...also.map(name => id(name))])} FROM (${rows})`
  if (!identity.includes(wholeRow)) return made
  return sql`SELECT *, hash(${join(all.map(name => id(name)))}) AS ${id(wholeRow)} FROM (${made})`
}
