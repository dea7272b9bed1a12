// A person's word on the change that a table's silver waits at.
// Guarantee: what is decided is the change that was shown; it is written to bronze, so that a rebuild goes the same way.
import { decideFor } from '../decisions.ts'
import type { SourceTable } from '../source-schema.ts'
import { SourceSchemas, schemaKind } from '../source-schemas.ts'
import { chosenTable } from './chosen-table.ts'
import { type Judgement, type JudgeOptions, judge, SchemaRefused, type Verdict } from './judgement.ts'
import type { Modes } from './kinds.ts'
import type { SchemaDecision } from './plan-table.ts'

export type HeldOptions = Pick<JudgeOptions, 'duck' | 'lake' | 'policy' | 'keys' | 'gold'> & { modes: Modes }

export interface PlannedDecision {
  judgement: Judgement
  name: SourceTable
  decision: SchemaDecision
}

/** What the word would do. Throws SchemaUnknownTable, and SchemaRefused where nothing waits or ignoring is not sound. */
export async function planHeld(
  options: HeldOptions,
  wanted: string,
  { verdict, renamed }: { verdict: Verdict; renamed?: { from: string; to: string }[] },
): Promise<PlannedDecision> {
  const schemas = new SourceSchemas(options.duck, options.lake, options.modes)
  const name = await chosenTable(schemas, wanted)
  const now = (await schemas.plan(name))!
  const step = now.steps.find(({ state }) => state === 'held')
  if (!step)
    throw new SchemaRefused(
      `${name.database}.${name.table} waits at no change; \`binlake schema show ${wanted}\` lists what it has taken`,
    )
  const decision: SchemaDecision = { change: step.version.id, verdict, ...(renamed ? { renamed } : {}) }
  const next = (await schemas.plan(name, [decision]))!
  const decided = next.steps.find(({ version }) => version.id === step.version.id)!
  for (const { from, to } of renamed ?? []) {
    if (decided.changes.some(change => change.kind === 'renamed' && change.from === from && change.column === to)) continue
    throw new SchemaRefused(`flag --rename: ${from} did not go, or ${to} did not come, with the change ${step.version.id}`)
  }
  const judgement = await judge(name, { ...options, verdict, now: now.schema, next: next.schema, step: decided })
  return { judgement, name, decision }
}

/** Writes it down. */
export async function decideHeld(
  { duck, lake }: Pick<HeldOptions, 'duck' | 'lake'>,
  { name, decision }: PlannedDecision,
): Promise<void> {
  await decideFor({ duck, lake }, [{ table: name, kind: schemaKind, content: decision }])
}
