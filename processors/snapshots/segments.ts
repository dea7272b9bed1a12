// All of a table's bronze as a rebuild takes it: up to each sweep, the sweep, and what came after the last.
// Guarantee: the steps are cut where silver's own were, whatever compaction has done to bronze's files.
import type { Add } from '../../lake/actions.ts'
import type { Duck } from '../../lake/duckdb.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { join, type Sql, sql } from '../../lake/sql.ts'
import type { BronzePart, Way } from '../apply.ts'
import { sweepById } from './apply-sweep.ts'
import { beforeSweep, sweepsIn } from './sweep-decision.ts'

export type Segment = { files: Add[]; part?: BronzePart } | { files: []; sweep: string }

/** In their order; without sweeps one segment that is everything. */
export async function segmentsOf(duck: Duck, way: Way, bronze: Snapshot): Promise<Segment[]> {
  const files = [...bronze.files.values()]
  const segments: Segment[] = []
  let after = sql`true`
  for (const { id } of sweepsIn(bronze)) {
    const before = beforeSweep(await sweepById(duck, way, id))
    segments.push({ files, part: partOf(after, before) }, { files: [], sweep: id })
    after = sql`NOT ${before}`
  }
  return segments.length === 0 ? [{ files }] : [...segments, { files, part: partOf(after) }]
}

function partOf(...conditions: Sql[]): BronzePart {
  return {
    rows: rows => sql`(SELECT * FROM ${rows} WHERE ${join(conditions, ' AND ')})`,
    columns: ['_epoch', '_partition', '_offset'],
  }
}
