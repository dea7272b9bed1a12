// Why silver of a table cannot be held against MySQL: it waits for a person, it has halted, or it was built under another policy.
// Guarantee: only looks; what it names must not pass for equality, whatever the rows are.
import type { Lakehouse } from '../../lake/lakehouse.ts'
import type { MaskPlan } from '../../privacy/mask.ts'
import { haltOf, haltText } from '../halts.ts'
import { otherwiseMasked } from '../mask-record.ts'
import { heldReason } from '../schema/held-reason.ts'
import { paths } from '../silver-parts.ts'
import type { SourceTable } from '../source-schema.ts'
import { nameOf } from '../table-name.ts'
import type { TableVerdict } from './verdict.ts'

/** Undefined: nothing is in the way. */
export async function notJudged(
  lake: Lakehouse,
  { schema, mask }: { schema: SourceTable; mask: MaskPlan },
): Promise<TableVerdict['failed']> {
  const table = nameOf(schema)
  const held = schema.timeline?.held
  if (held) return { code: 'SCHEMA_HELD', reason: heldReason(table, held), retryable: false }
  const halt = await haltOf(lake, schema)
  if (halt) return { code: halt.code, reason: await haltText(lake, halt), retryable: false }
  const otherwise = otherwiseMasked(await lake.current(paths(schema).current), mask, schema)
  if (otherwise.length === 0) return undefined
  const reason = `${table}: silver was built under another policy or key version (columns ${otherwise.join(', ')}); rebuild it with \`binlake replay ${table}\``
  return { code: 'POLICY_CHANGED', reason, retryable: false }
}
