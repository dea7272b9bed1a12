// A table's description from the source itself, for a run that must go on without.
import type { Logger } from 'pino'
import type { SourceTable, TableName } from '../source-schema.ts'

/** Undefined: there is nobody to ask, or no answer; the table then waits for its schema change. */
export async function askSource(
  name: TableName,
  { readSchema, log }: { readSchema?: (name: TableName) => Promise<SourceTable | undefined>; log: Logger },
): Promise<SourceTable | undefined> {
  try {
    return await readSchema?.(name)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
    log.warn({ table: `${name.database}.${name.table}`, code }, "the source's own description of a table could not be read")
    return undefined
  }
}
