// What a replay would do to one table: what it reads, what it replaces, what is new by design, which gold tables follow.
// Guarantee: reads logs only; nothing is built or written.

import { factsOf } from '../../lake/facts.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import type { GoldModel } from '../../sql/gold-models.ts'
import type { Way } from '../apply.ts'
import { openTable } from '../open-table.ts'
import { silverParts } from '../silver-parts.ts'
import { comparable } from './prove.ts'

interface Amount {
  rows: number
  files: number
  bytes: number
}

export interface ReplayPlan {
  table: string
  /** What is read. */
  bronze: Amount & { version: number }
  /** The tables written anew, with what they hold now: about as much is written. */
  silver: (Amount & { table: string })[]
  /** What a changed policy or source makes new, in words. */
  byDesign: string[]
  /** Gold tables that read the table, directly or through others, in the order of their refresh. */
  gold: string[]
}

/** Undefined: there is no bronze. */
export async function planReplay(way: Way & { gold: readonly GoldModel[] }): Promise<ReplayPlan | undefined> {
  const { schema, mask, gold } = way
  const open = await openTable(way)
  if (!open) return undefined
  const { bronze, tables } = open
  const parts = silverParts(tables, mask).map(({ path, base, wanted, configuration }) => ({
    ...{ table: path, rows: 0, files: 0, bytes: 0, changes: [] as string[] },
    ...(base ? { ...amountOf(base), changes: changesOf(base, { fields: wanted, configuration }) } : {}),
  }))
  return {
    table: `${schema.database}.${schema.table}`,
    bronze: { ...amountOf(bronze), version: bronze.version },
    silver: parts.map(({ changes: _, ...part }) => part),
    byDesign: [...new Set(parts.flatMap(({ changes }) => changes))],
    gold: goldReading(gold, schema),
  }
}

function amountOf(snapshot: Snapshot): Amount {
  const { rows, files, bytes } = factsOf(snapshot)
  return { rows, files, bytes }
}

function changesOf(base: Snapshot, then: { fields: Snapshot['fields']; configuration: Record<string, string> }): string[] {
  const built = { ...base, fields: then.fields, metaData: { ...base.metaData, configuration: then.configuration } }
  return comparable(base, built).changes
}

/** Models come in dependency order, so one look at each is enough. */
function goldReading(models: readonly GoldModel[], { database, table }: Way['schema']): string[] {
  const silver = [table, `${table}_history`].flatMap(name => [name, `${database}.${name}`]).map(name => name.toLowerCase())
  const found: string[] = []
  for (const { name, inputs } of models) {
    const reads = inputs.some(input =>
      input.schema === 'gold' ? found.includes(input.table) : silver.includes(input.table.toLowerCase()),
    )
    if (reads) found.push(name)
  }
  return found
}
