// What a table's next step to silver goes by: its schema, asked for and settled, and its mask under the policy.
// Guarantee: made anew for each step, as both may have changed.
import { compileMask, type MaskPlan } from '../privacy/mask.ts'
import type { Context } from './context.ts'
import { askSource } from './schema/ask-source.ts'
import type { SourceTable, TableName } from './source-schema.ts'
import type { SourceSchemas } from './source-schemas.ts'
import { nameOf } from './table-name.ts'

export interface RefinementPlan {
  schema: SourceTable
  mask: MaskPlan
}

type PlanContext = Pick<Context, 'policy' | 'keys' | 'log'> & {
  /** Reads a table's schema from the source itself, where no schema change tells it. */
  readSchema?: (name: TableName) => Promise<SourceTable | undefined>
}

/** Throws SchemaUnknown, and what compiling a mask throws. */
export async function planRefinement(schemas: SourceSchemas, name: TableName, context: PlanContext): Promise<RefinementPlan> {
  const schema = (await schemas.get(name)) ?? (await schemas.ask(name, wanted => askSource(wanted, context)))
  if (!schema)
    throw new SchemaUnknown(
      `${nameOf(name)}: no schema change has told of this table yet; is include.schema.changes on, and its topic in Kafka?`,
    )
  const settled = (await schemas.settle(name)) ?? schema
  return { schema: settled, mask: compileMask(context.policy, settled, context.keys) }
}

export class SchemaUnknown extends Error {
  readonly code = 'SCHEMA_UNKNOWN'
  readonly retryable = true
}
