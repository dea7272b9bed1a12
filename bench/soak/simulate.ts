// A week of five-second commits in minutes: the real appends, merges and maintenance, only the clock is told what time it is.
// Guarantee: nothing of the line is replaced but Date and the times that the store gives for its objects.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Logger, pino } from 'pino'
import { openStore } from '../../connectors/open-store.ts'
import { Duck } from '../../lake/duckdb.ts'
import { Lakehouse } from '../../lake/lakehouse.ts'
import { compileMask } from '../../privacy/mask.ts'
import { parsePolicy } from '../../privacy/policy.ts'
import { appendBronze } from '../../processors/bronze.ts'
import { Checkpoints } from '../../processors/maintenance/checkpoints.ts'
import { MaintenanceRounds, type MaintenanceSettings } from '../../processors/maintenance/maintenance-rounds.ts'
import { defaultRetentions, retentionProperties } from '../../processors/maintenance/retention.ts'
import { refine } from '../../processors/refine.ts'
import type { SourceTable } from '../../processors/source-schema.ts'
import { batchOf } from './changes.ts'
import { clocked } from './clocked-store.ts'
import { type Sample, sample } from './sample.ts'

export interface SoakOptions {
  /** An empty folder, best in memory: what is measured is the lake, not the disk. */
  folder: string
  commits: number
  /** Changes in one commit. */
  rows: number
  /** Keys that live at a time. */
  keys: number
  /** Simulated milliseconds between two commits, merges, looks of the maintenance, samples. */
  every: { commit: number; merge: number; look: number; sample: number }
  /** Absent: none, as a lake was before. */
  maintenance: Partial<MaintenanceSettings> | undefined
  /** When it begins, and the one who makes `Date` say what time it is; milliseconds since 1970. */
  begin: number
  setTime: (now: number) => void
  onSample?: (sample: Sample) => void
}

export const soakTable: SourceTable = {
  database: 'shop',
  table: 'orders',
  primaryKey: ['id'],
  columns: [
    { name: 'id', typeName: 'INT', optional: false, position: 1 },
    { name: 'status', typeName: 'VARCHAR', optional: true, position: 2 },
    { name: 'note', typeName: 'VARCHAR', optional: true, position: 3 },
  ],
}

const policy = `version: 1
tables:
  orders:
    id: {class: operational, strategy: keep}
    status: {class: operational, strategy: keep}
    note: {class: operational, strategy: keep}
`
const defaults: MaintenanceSettings = {
  compact: 3_600_000,
  vacuum: 21_600_000,
  memory: 300e6,
  longestWrite: 21_600_000,
  retentions: defaultRetentions,
  patience: 604_800_000,
}

/** Runs it and returns a sample for each `every.sample`, the last at the end. */
export async function simulate(options: SoakOptions): Promise<Sample[]> {
  const { folder, every, begin, setTime } = options
  setTime(begin)
  const log: Logger = pino({ level: 'warn' }, pino.destination({ fd: 2, sync: true }))
  const store = clocked(await openStore(pathToFileURL(join(folder, 'lake')).href, { cacheDir: join(folder, 'cache') }))
  await using duck = await Duck.open({ memoryLimit: '600MB', threads: 1 })
  await using checkpointDuck = await duck.fork()
  const checkpoints = new Checkpoints(checkpointDuck, log)
  const lake = new Lakehouse(store, (table, snapshot) => checkpoints.consider(table, snapshot))
  const settings = options.maintenance && { ...defaults, ...options.maintenance }
  const properties = settings ? { properties: retentionProperties(settings.retentions.bronze) } : {}
  const ingest = { duck, lake, log, topicPrefix: 'shop', tables: new Map(), ...properties }
  const mask = compileMask(parsePolicy(policy, 'policy.yaml'), soakTable, new Map())
  const rounds =
    settings &&
    new MaintenanceRounds({ ...settings, lake, log, owns: () => true, onBronze: () => {} }, new AbortController().signal)
  const samples: Sample[] = []
  const take = async (commits: number) => {
    const taken = await sample(store, { commits, hours: (Date.now() - begin) / 3_600_000 })
    samples.push(taken)
    options.onSample?.(taken)
  }

  for (let commit = 1; commit <= options.commits; commit++) {
    const now = begin + commit * every.commit
    setTime(now)
    await appendBronze(ingest, batchOf(commit - 1, { ...options, now, file: join(folder, 'spool') }))
    const due = (period: number) => (commit * every.commit) % period < every.commit
    if (due(every.merge)) await refine(duck, { lake, log, schema: soakTable, mask, maxRows: 1_000_000 })
    if (due(every.look)) await rounds?.look()
    if (due(every.sample)) await take(commit)
  }
  await checkpoints.finish()
  await rounds?.close()
  if (samples.at(-1)?.commits !== options.commits) await take(options.commits)
  await store.close()
  return samples
}
