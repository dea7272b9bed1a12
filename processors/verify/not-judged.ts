// Why silver of a table cannot be held against MySQL: it waits for a person, it has halted, or it was built under another policy.
// Guarantee: only looks; what it names must not pass for equality, whatever the rows are.
import type { Lakehouse } from '../../lake/lakehouse.ts'
import type { MaskPlan } from '../../privacy/mask.ts'
import { haltOf, haltText, waitingCodes } from '../halts.ts'
import { otherwiseMasked } from '../mask-record.ts'
import { heldReason } from '../schema/held-reason.ts'
import { paths } from '../silver-parts.ts'
import type { SourceTable } from '../source-schema.ts'
import { nameOf } from '../table-name.ts'
import type { TableVerdict } from './verdict.ts'

/** Milliseconds. */
const moment = 60_000

/** Undefined: nothing is in the way. */
export async function notJudged(
  lake: Lakehouse,
  { schema, mask }: { schema: SourceTable; mask: MaskPlan },
): Promise<TableVerdict['failed']> {
  const table = nameOf(schema)
  const held = schema.timeline?.held
  if (held) return { code: 'SCHEMA_HELD', reason: heldReason(table, held), retryable: false }
  const halt = await haltOf(lake, schema)
  // A table waits for its schema change for a moment as a rule, and is waited for.
  const passing = halt && waitingCodes.has(halt.code) && Date.now() - Date.parse(halt.since) < moment
  if (halt && !passing) return { code: halt.code, reason: await haltText(lake, halt), retryable: false }
  const otherwise = otherwiseMasked(await lake.current(paths(schema).current), mask, schema)
  if (otherwise.length === 0) return undefined
  const reason = `${table}: silver was built under another policy or key version (columns ${otherwise.join(', ')}); rebuild it with \`binlake replay ${table}\``
  return { code: 'POLICY_CHANGED', reason, retryable: false }
}
