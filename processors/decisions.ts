// What people, or the line in their place, decided about a table and bronze's events do not say: new epochs, schema approvals, sweeps.
// Guarantee: append-only and part of bronze, so that a rebuild decides the same again.

import { commit } from '../lake/commit.ts'
import type { Duck } from '../lake/duckdb.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { tablePath } from '../lake/layout.ts'
import { scan } from '../lake/scan.ts'
import { type Field, field } from '../lake/schema.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { sql } from '../lake/sql.ts'
import { boundsProperties } from '../lake/stats.ts'
import { writeFile } from '../lake/write.ts'
import { decisionsTable } from './bronze-names.ts'
import type { TableName } from './source-schema.ts'

const fields: Field[] = [
  field('_decided_at', 'timestamp'),
  field('_database', 'string'),
  field('_table', 'string'),
  field('_kind', 'string'),
  field('_decision', 'string'),
]

/** One decision: its kind's own content beside what it is about. No row's key or value is part of it. */
export interface Decision<Content = unknown> {
  at: Date
  table: TableName
  kind: string
  content: Content
}

/** Commits decisions, in this order, at once. They hold from the table's next silver step on. */
export async function decideFor(
  { duck, lake }: { duck: Duck; lake: Lakehouse },
  decisions: readonly Omit<Decision, 'at'>[],
): Promise<void> {
  const path = tablePath('bronze', decisionsTable)
  const base = await lake.current(path)
  // Behind all that was decided before, whatever the clock of its machine said; a millisecond apart, so that their order is in the rows.
  const known = await readAll(duck, lake)
  const now = Math.max(Date.now(), (known.at(-1)?.at.getTime() ?? 0) + 1)
  const at = (nth: number) => new Date(now + nth).toISOString()
  const rows = decisions.map(({ table, kind, content }, nth) => [
    at(nth),
    table.database,
    table.table,
    kind,
    JSON.stringify(content),
  ])
  const select = sql`SELECT r[1]::TIMESTAMPTZ AS _decided_at, r[2] AS _database, r[3] AS _table, r[4] AS _kind, r[5] AS _decision
    FROM (SELECT unnest(${JSON.stringify(rows)}::JSON::VARCHAR[][]) AS r)`
  const add = await writeFile(duck, lake.table(path), { select, fields })
  lake.committed(
    path,
    await commit(lake.table(path), {
      base,
      mode: 'append',
      operation: 'STREAMING UPDATE',
      metaData: { fields, name: decisionsTable.table, configuration: boundsProperties([]) },
      adds: [add!],
    }),
  )
}

/** By lake, what was read last: whoever asks next reads only if there are more. */
const reads = new WeakMap<Lakehouse, { snapshot: Snapshot; decisions: Decision[] }>()

/** Reads decisions again only when there are more of them. */
export class Decisions {
  readonly #duck: Duck
  readonly #lake: Lakehouse

  constructor(duck: Duck, lake: Lakehouse) {
    this.#duck = duck
    this.#lake = lake
  }

  /** A table's decisions of one kind, oldest first. */
  async of<Content>(table: TableName, kind: string): Promise<Decision<Content>[]> {
    const all = await readAll(this.#duck, this.#lake)
    return all.filter(
      decision => decision.kind === kind && decision.table.database === table.database && decision.table.table === table.table,
    ) as Decision<Content>[]
  }
}

async function readAll(duck: Duck, lake: Lakehouse): Promise<Decision[]> {
  const path = tablePath('bronze', decisionsTable)
  const snapshot = await lake.current(path)
  if (!snapshot) return []
  const read = reads.get(lake)
  if (read?.snapshot.version === snapshot.version && read.snapshot.metaData.id === snapshot.metaData.id) return read.decisions
  const rows = await duck.rows<{ at_us: bigint; database: string; name: string; kind: string; content: string }>(
    sql`SELECT epoch_us(_decided_at) AS at_us, _database AS database, _table AS name, _kind AS kind, _decision AS content
      FROM ${await scan(lake.table(path), snapshot)} ORDER BY _decided_at, _kind, _decision`,
  )
  const decisions = rows.map(({ at_us, database, name, kind, content }) => ({
    at: new Date(Number(at_us / 1_000n)),
    table: { database, table: name },
    kind,
    content: JSON.parse(content) as unknown,
  }))
  reads.set(lake, { snapshot, decisions })
  return decisions
}
