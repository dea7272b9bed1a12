// All of a table's bronze as a rebuild takes it: up to each sweep, the sweep, and what came after the last.
// Guarantee: the steps are cut where silver's own were, whatever compaction has done to bronze's files.
import type { Add } from '../../lake/actions.ts'
import type { Duck } from '../../lake/duckdb.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { join, sql } from '../../lake/sql.ts'
import type { Way } from '../apply.ts'
import { epochDecisions } from '../epochs.ts'
import type { EventsOfKeys } from '../events-of-keys.ts'
import { sweepById } from './apply-sweep.ts'
import { beforeSweepInEpochs, sweepsIn } from './sweep-decision.ts'

export type Segment = { files: Add[]; only?: EventsOfKeys } | { files: []; sweep: string }

/** In their order; without sweeps one segment that is everything. */
export async function segmentsOf(duck: Duck, way: Way, bronze: Snapshot): Promise<Segment[]> {
  const files = [...bronze.files.values()]
  const segments: Segment[] = []
  const decisions = await epochDecisions({ duck, lake: way.lake }, way.schema)
  let after = sql`true`
  for (const { id } of sweepsIn(bronze)) {
    const before = beforeSweepInEpochs(await sweepById(duck, way, id), decisions)
    segments.push({ files, only: among([after, before]) }, { files: [], sweep: id })
    after = sql`NOT ${before}`
  }
  return segments.length === 0 ? [{ files }] : [...segments, { files, only: among([after]) }]

  function among(conditions: (typeof after)[]): EventsOfKeys {
    return { files, among: rows => sql`(SELECT * FROM ${rows} WHERE ${join(conditions, ' AND ')})`, keep: async () => {} }
  }
}
