// Which table of the registry a word on the command line means.
import type { SourceTable } from '../source-schema.ts'
import type { SourceSchemas } from '../source-schemas.ts'

export class SchemaUnknownTable extends Error {
  readonly code = 'SCHEMA_UNKNOWN_TABLE'
  readonly retryable = false
}

/** `table` or `database.table`. Throws SchemaUnknownTable. */
export async function chosenTable(schemas: SourceSchemas, wanted: string): Promise<SourceTable> {
  const all = await schemas.all()
  const called = ({ database, table }: SourceTable) => `${database}.${table}`
  const found = all.filter(schema => schema.table === wanted || called(schema) === wanted)
  if (found.length === 1) return found[0]!
  throw new SchemaUnknownTable(
    found.length === 0
      ? `no schema change has told of a table ${wanted}; known: ${all.map(called).join(', ') || 'none'}`
      : `${wanted} is in several databases: say ${found.map(called).join(' or ')}`,
  )
}
