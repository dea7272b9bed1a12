// Does one piece of maintenance to table after table, as `binlake compact` and `binlake vacuum` do; Ctrl-C ends it after what is whole.
import type { Duck } from '../lake/duckdb.ts'
import type { Maintained } from '../processors/maintenance/maintain.ts'
import { type ChosenTable, chosenTables } from './chosen-tables.ts'
import { maintenanceSettings } from './maintenance-settings.ts'
import { openLake } from './open-lake.ts'
import type { Session } from './session.ts'

type Work<Result> = (table: ChosenTable, place: { duck: Duck; maintained: Maintained }) => Promise<Result | undefined>

/** The results of the tables that were reached. Throws SQL_UNKNOWN_TABLE, the lake's and the store's errors. */
export async function maintainTables<Result>(
  session: Session,
  { label, names }: { label: string; names: readonly string[] },
  work: Work<Result>,
): Promise<Result[]> {
  const { config, signal } = session
  const [{ Duck }, { Lakehouse }, { UntakenFiles }, { Checkpoints }] = await Promise.all([
    import('../lake/duckdb.ts'),
    import('../lake/lakehouse.ts'),
    import('../processors/maintenance/untaken.ts'),
    import('../processors/maintenance/checkpoints.ts'),
  ])
  const store = await openLake(config)
  const progress = await session.progress(label, { unit: 'tables' })
  try {
    const { memory, retentions, patience, longestWrite } = maintenanceSettings(config)
    await using duck = await Duck.open({ memoryLimit: `${memory}B`, threads: 1 })
    await using checkpointDuck = await duck.fork()
    const checkpoints = new Checkpoints(checkpointDuck, session.log)
    const lake = new Lakehouse(store, (table, snapshot) => checkpoints.consider(table, snapshot))
    const untaken = new UntakenFiles(lake)
    const maintained: Maintained = { lake, untaken, retentions, patience, longestWrite, memory, now: Date.now, signal }
    signal.addEventListener('abort', () => duck.connection.interrupt())
    const tables = await chosenTables(lake, names)
    const results: Result[] = []
    for (const [index, table] of tables.entries()) {
      if (signal.aborted) break
      progress.set(index, tables.length)
      const result = await work(table, { duck, maintained }).catch((error: unknown) => {
        // An interrupted statement is what was asked for.
        if (signal.aborted) return undefined
        throw error
      })
      if (result) results.push(result)
    }
    if (!signal.aborted) progress.set(tables.length, tables.length)
    await checkpoints.finish()
    return results
  } finally {
    progress.stop()
    await store.close()
  }
}

/** `12` or `12 → 3`. */
export function change(before: number, after: number): string {
  const text = (value: number) => value.toLocaleString('en')
  return before === after ? text(before) : `${text(before)} → ${text(after)}`
}
