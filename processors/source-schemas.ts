// The source's table schemas, read from bronze's copy of Debezium's schema-change topic.
// Guarantee: a schema is what the newest change event in bronze says; it is read again only when bronze has more of them.
import type { Duck } from '../lake/duckdb.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { tablePath } from '../lake/layout.ts'
import { scan } from '../lake/scan.ts'
import { sql } from '../lake/sql.ts'
import { schemaChanges } from './bronze-names.ts'
import { type SourceTable, type TableName, tableChanges } from './source-schema.ts'

export class SourceSchemas {
  readonly #duck: Duck
  readonly #lake: Lakehouse
  #version = -1
  #tables = new Map<string, SourceTable>()

  constructor(duck: Duck, lake: Lakehouse) {
    this.#duck = duck
    this.#lake = lake
  }

  /** The table's newest schema, or undefined when no change event has told of it yet. */
  async get(name: TableName): Promise<SourceTable | undefined> {
    await this.#refresh()
    return this.#tables.get(keyOf(name))
  }

  /** Every table that some change event has told of. */
  async all(): Promise<SourceTable[]> {
    await this.#refresh()
    return [...this.#tables.values()]
  }

  async #refresh(): Promise<void> {
    const path = tablePath('bronze', schemaChanges)
    const snapshot = await this.#lake.current(path)
    if (!snapshot || snapshot.version === this.#version) return
    const events = await scan(this.#lake.table(path), snapshot, { columns: ['_partition', '_offset', '_value'] })
    const rows = await this.#duck.rows<{ _value: string }>(
      sql`SELECT _value FROM ${events} WHERE _value IS NOT NULL ORDER BY _partition, _offset`,
    )
    const tables = new Map<string, SourceTable>()
    for (const { _value } of rows) {
      for (const change of tableChanges(JSON.parse(_value))) {
        // A dropped table keeps its last schema: its rows are still in bronze.
        if (change.schema) tables.set(keyOf(change), withDropped(change.schema, tables.get(keyOf(change))))
      }
    }
    this.#tables = tables
    this.#version = snapshot.version
  }
}

/**
 * Columns that the table had before stay known, behind those it has: older events carry them. A column keeps the spelling it had first,
 * because MySQL takes upper and lower case for one, and silver's column cannot be renamed (lake-spec §3.10).
 */
export function withDropped(schema: SourceTable, before: SourceTable | undefined): SourceTable {
  const spellings = new Map(before?.columns.map(({ name }) => [name.toLowerCase(), name]))
  const spelled = (name: string) => spellings.get(name.toLowerCase()) ?? name
  const columns = schema.columns.map(column => ({ ...column, name: spelled(column.name) }))
  const present = new Set(columns.map(({ name }) => name))
  const gone = (before?.columns ?? []).filter(({ name }) => !present.has(name))
  return {
    ...schema,
    primaryKey: schema.primaryKey.map(spelled),
    columns: [...columns, ...gone.map(column => ({ ...column, dropped: true as const }))],
  }
}

function keyOf({ database, table }: TableName): string {
  return JSON.stringify([database, table])
}
