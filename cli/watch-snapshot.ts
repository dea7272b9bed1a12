// Follows a snapshot by Debezium's notifications until it ends.
// Guarantee: the keys that some notifications carry are never shown.
import type { TopicRecord } from '../connectors/follow-topic.ts'
import { SnapshotError } from './snapshot-error.ts'

export interface Watched {
  /** Of an incremental snapshot: its signal. */
  id: string
  full: boolean
  /** `database.table` */
  tables: readonly string[]
  /** Milliseconds that the connector may take to begin. */
  patience: number
  /** Hears how many rows were read, as far as that is known. */
  onRows: (rows: number) => void
  /** Rows of a chunk of an incremental snapshot. */
  chunk: number
}

export interface TableOutcome {
  table: string
  /** SUCCEEDED, EMPTY, NO_PRIMARY_KEY, SQL_EXCEPTION, UNKNOWN_SCHEMA, SKIPPED, STOPPED, ABORTED */
  status: string
  rows: number
}

interface Note {
  id?: string
  type?: string
  aggregate_type?: string
  additional_data?: {
    scanned_collection?: string
    current_collection_in_progress?: string
    data_collections?: string
    status?: string
    total_rows_scanned?: string
  }
}

/** How each table's scan ended. Undefined: the records ended before it did. Throws SNAPSHOT_SILENT. */
export async function watchSnapshot(records: AsyncIterable<TopicRecord>, watched: Watched): Promise<TableOutcome[] | undefined> {
  const { full, tables, onRows, chunk } = watched
  const outcomes = new Map<string, TableOutcome>()
  let begun = false
  let read = 0
  let current = 0
  for await (const note of untilSilent(records, watched, () => begun)) {
    if (note.aggregate_type !== (full ? 'Initial Snapshot' : 'Incremental Snapshot')) continue
    const {
      scanned_collection: scanned,
      current_collection_in_progress: table = scanned,
      status,
      ...rest
    } = note.additional_data ?? {}
    const about = note.id === watched.id || tables.includes(table ?? '') || (full && note.type === 'STARTED')
    // Another snapshot may be running; ours is read after it.
    if (!about && !begun) continue
    begun ||= about
    if (note.type === 'IN_PROGRESS' && tables.includes(table ?? '')) {
      current += full ? 0 : chunk
      onRows(read + current)
    } else if (note.type === 'TABLE_SCAN_COMPLETED' && scanned !== undefined && tables.includes(scanned)) {
      const rows = Number(rest.total_rows_scanned ?? 0)
      outcomes.set(scanned, { table: scanned, status: status ?? 'UNKNOWN', rows })
      read += rows
      current = 0
      onRows(read)
    } else if (note.type === 'ABORTED') {
      const gone = rest.data_collections?.split(',') ?? tables
      for (const one of tables)
        if (gone.includes(one) && !outcomes.has(one)) outcomes.set(one, { table: one, status: 'ABORTED', rows: 0 })
    }
    // A full one counts as taken only when all of it is: a scan that another table's failure follows is thrown away.
    const ended = note.type === 'COMPLETED' || note.type === 'ABORTED'
    if (ended && full && note.type === 'ABORTED') return tables.map(one => ({ table: one, status: 'ABORTED', rows: 0 }))
    if (tables.every(one => outcomes.has(one)) && (ended || !full)) return [...outcomes.values()]
    if (ended && note.id === watched.id) return tables.map(one => outcomes.get(one) ?? { table: one, status: 'SKIPPED', rows: 0 })
  }
  return undefined
}

async function* untilSilent(
  records: AsyncIterable<TopicRecord>,
  { patience }: Watched,
  begun: () => boolean,
): AsyncGenerator<Note> {
  const iterator = records[Symbol.asyncIterator]()
  const deadline = Date.now() + patience
  try {
    for (;;) {
      const next = await before(iterator.next(), begun() ? undefined : deadline)
      if (next === undefined)
        throw new SnapshotError(
          'SNAPSHOT_SILENT',
          `the connector has not begun within ${Math.round(patience / 1_000)} s: it may be busy with another snapshot, or still far behind in the binlog; \`binlake status\` shows when it begins`,
        )
      if (next.done) return
      yield parsed(next.value.value)
    }
  } finally {
    void iterator.return?.(undefined)
  }
}

async function before<T>(promise: Promise<T>, deadline: number | undefined): Promise<T | undefined> {
  if (deadline === undefined) return promise
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(resolve, Math.max(0, deadline - Date.now()), undefined)
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

function parsed(text: string): Note {
  try {
    const value = JSON.parse(text) as Note & { payload?: Note }
    return value.payload ?? value
  } catch {
    return {}
  }
}
