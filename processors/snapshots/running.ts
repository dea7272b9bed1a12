// The snapshots that run now, for `status`: tables that a first one has not read to their end are not whole yet.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { generationsOf } from './generations.ts'
import { type Aggregate, readNotifications } from './notifications.ts'

export interface RunningSnapshot {
  kind: 'initial or full' | 'incremental'
  /** ISO 8601, UTC. */
  since: string
  /** `database.table`: read to their end, and still to be read. */
  done: string[]
  left: string[]
}

const kinds: Record<Aggregate, RunningSnapshot['kind']> = {
  'Initial Snapshot': 'initial or full',
  'Incremental Snapshot': 'incremental',
}

/** As bronze's notifications tell. */
export async function runningSnapshots(duck: Duck, lake: Lakehouse): Promise<RunningSnapshot[]> {
  const running = generationsOf(await readNotifications(duck, lake)).filter(({ outcome }) => outcome === 'running')
  return running.map(({ aggregate, started, scans, tables }) => ({
    kind: kinds[aggregate],
    since: new Date(started).toISOString(),
    done: [...scans.keys()],
    left: [...tables].filter(table => !scans.has(table)),
  }))
}
