// Snapshots as notifications tell of them: each began once and was completed, aborted, or never heard of again.
// Guarantee: pure; a table counts as scanned only if its own scan succeeded within a snapshot that was completed.
import type { Aggregate, Notification } from './notifications.ts'

export interface Generation {
  /** Of the notification that began it. */
  id: string
  aggregate: Aggregate
  /** Milliseconds since 1970. */
  started: number
  ended: number | undefined
  outcome: 'running' | 'completed' | 'aborted'
  /** How the scan of each table ended. */
  scans: Map<string, { status: string; rows: number }>
  /** The tables it is about, as far as it has said. */
  tables: Set<string>
}

/** Snapshots, oldest first. One that another of its kind came after without an end was cut off: aborted. */
export function generationsOf(notifications: readonly Notification[]): Generation[] {
  const generations: Generation[] = []
  const open = new Map<Aggregate, Generation>()
  for (const one of notifications) {
    const { aggregate, type } = one
    const current = open.get(aggregate)
    if (type === 'STARTED') {
      // Sent twice by a producer that lost the answer.
      if (current?.id === one.id && aggregate === 'Initial Snapshot') continue
      if (current) Object.assign(current, { outcome: 'aborted', ended: one.at } satisfies Partial<Generation>)
      const begun: Generation = {
        id: one.id,
        aggregate,
        started: one.at,
        ended: undefined,
        outcome: 'running',
        scans: new Map(),
        tables: new Set(one.tables),
      }
      open.set(aggregate, begun)
      generations.push(begun)
      continue
    }
    if (!current) continue
    for (const table of one.tables) current.tables.add(table)
    if (type === 'TABLE_SCAN_COMPLETED' && one.table !== undefined) {
      current.tables.add(one.table)
      current.scans.set(one.table, { status: one.status ?? 'UNKNOWN', rows: one.rows ?? 0 })
    }
    if (type !== 'COMPLETED' && type !== 'ABORTED') continue
    // An incremental one may be stopped for some of its tables only: it goes on with the others.
    if (type === 'ABORTED' && aggregate === 'Incremental Snapshot' && one.tables.length > 0) {
      for (const table of one.tables) current.scans.set(table, { status: 'STOPPED', rows: 0 })
      if ([...current.tables].some(table => !current.scans.has(table))) continue
    }
    Object.assign(current, {
      outcome: type === 'COMPLETED' ? 'completed' : 'aborted',
      ended: one.at,
    } satisfies Partial<Generation>)
    open.delete(aggregate)
  }
  return generations
}

/** The newest whole snapshot that read all of a table (initial or blocking, never incremental); undefined: none. */
export function lastFullScan(generations: readonly Generation[], table: string): Generation | undefined {
  return generations.findLast(
    ({ aggregate, outcome, scans }) =>
      aggregate === 'Initial Snapshot' && outcome === 'completed' && scans.get(table)?.status === 'SUCCEEDED',
  )
}
