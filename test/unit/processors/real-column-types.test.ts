import { readFile } from 'node:fs/promises'
import { VARCHAR } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Duck } from '../../../lake/duckdb.ts'
import { sql, trusted } from '../../../lake/sql.ts'
import { columnType } from '../../../processors/column-types.ts'
import { type SourceColumn, tableChanges } from '../../../processors/source-schema.ts'

/** What Debezium wrote and what MySQL printed (by selectMysql) for the same rows: once from a snapshot, once from the binlog. */
interface Capture {
  from: string
  event: unknown
  rows: { after: string; mysql: Record<string, string | null> }[]
}
const { captures } = JSON.parse(await readFile('test/fixtures/debezium-column-types.json', 'utf8')) as { captures: Capture[] }

/** Where Debezium's value is not MySQL's, which no reader can mend. Row numbers from 0. */
const knownLosses = new Set([
  'snapshot ye 2', // the year 0000 becomes 2000
  'snapshot tsnn 0', // a zero timestamp in a NOT NULL column becomes the column's default
  'binlog tsnn 0',
  'binlog js2 1', // a negative TIME inside a JSON document loses its sign
])

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open({ threads: 1 })
})
afterAll(() => duck.close())

async function compare(column: SourceColumn, after: string, mysql: string | null) {
  const type = columnType(column)
  const field = sql`struct_extract(json_transform_strict(${trusted('$1')}, ${JSON.stringify({ [column.name]: type.jsonType })}), ${column.name})`
  const comparable = type.comparable ?? (value => value)
  const statement = sql`SELECT typeof(a) = typeof(b) AND ${comparable(sql`a`)} IS NOT DISTINCT FROM ${comparable(sql`b`)} AS same
    FROM (SELECT ${type.fromJson(field)} AS a, ${type.fromMysql(trusted('$2::VARCHAR'))} AS b)`
  const reader = await duck.connection.runAndReadAll(statement.text, [after, mysql], [VARCHAR, VARCHAR])
  return reader.getRowObjectsJS()[0]!.same
}

describe.each(captures)('a table read from the $from', ({ from, event, rows }) => {
  const columns = tableChanges(event)[0]!.schema!.columns.filter(({ name }) => name !== 'id')

  it.each(columns)('$name $typeName is what MySQL holds', async column => {
    for (const [n, { after, mysql }] of rows.entries()) {
      const same = await compare(column, after, mysql[column.name]!)
      expect({ n, same }).toEqual({ n, same: !knownLosses.has(`${from} ${column.name} ${n}`) })
    }
  })
})
