// Dates, times and instants.
// Guarantee: microseconds are kept, DATETIME is stored as an instant in UTC whatever any session's zone, zero dates become what Debezium makes of them.
import { type Sql, sql } from '../../lake/sql.ts'
import type { SourceColumn } from '../source-schema.ts'
import { asChar, type ColumnType, cast, type Family } from './family.ts'

/** MySQL's zero dates (`0000-00-00`, `2024-02-00`): NULL in a nullable column, else 1970-01-01, as Debezium writes them. */
function unlessZero(column: SourceColumn, text: Sql, value: Sql, epoch: Sql): Sql {
  const zero = sql`${text} LIKE '0000-%' OR substr(${text}, 6, 2) = '00' OR substr(${text}, 9, 2) = '00'`
  return sql`CASE WHEN ${zero} THEN ${column.optional ? sql`NULL` : epoch} ELSE ${value} END`
}

const date: Family = column => ({
  delta: 'date',
  jsonType: 'INTEGER',
  fromJson: value => sql`(DATE '1970-01-01' + ${value})`,
  selectMysql: asChar(column),
  fromMysql: text => unlessZero(column, text, cast(text, 'DATE'), sql`DATE '1970-01-01'`),
})

function instant(column: SourceColumn, json: Pick<ColumnType, 'jsonType' | 'fromJson'>): ColumnType {
  const epoch = sql`TIMESTAMPTZ '1970-01-01 00:00:00+00'`
  return {
    delta: 'timestamp',
    ...json,
    selectMysql: asChar(column),
    fromMysql: text => unlessZero(column, text, sql`(${text} || '+00')::TIMESTAMPTZ`, epoch),
  }
}

const datetime: Family = column => instant(column, { jsonType: 'BIGINT', fromJson: value => sql`make_timestamptz(${value})` })
/** MariaDB's binlog, and Debezium before 3.6, write 1970-01-01 00:00:00 for the zero date: no TIMESTAMP is as early as that. */
const timestamp: Family = column => ({
  ...instant(column, { jsonType: 'VARCHAR', fromJson: value => cast(value, 'TIMESTAMPTZ') }),
  ...(column.optional ? { meansNull: (value: Sql) => sql`starts_with(${value}, '1970-01-01T00:00:00')` } : {}),
})

/** Signed microseconds: −838:59:59 to 838:59:59 fits no time type. */
const time: Family = column => ({
  delta: 'long',
  jsonType: 'BIGINT',
  fromJson: value => value,
  selectMysql: asChar(column),
  fromMysql: text => {
    const part = (n: number) => sql`split_part(ltrim(${text}, '-'), ':', ${n})`
    const seconds = sql`${part(1)}::BIGINT * 3600 + ${part(2)}::BIGINT * 60`
    const micros = sql`(${seconds}) * 1000000 + (${part(3)}::DECIMAL(8,6) * 1000000)::BIGINT`
    return sql`((${micros}) * CASE WHEN ${text} LIKE '-%' THEN -1 ELSE 1 END)::BIGINT`
  },
})

export const times: Record<string, Family> = { DATE: date, TIME: time, DATETIME: datetime, TIMESTAMP: timestamp }
