// One look after the other at the tables of the lake: what is due of compaction, log clean-up and vacuum is done, one table at a time.
// Guarantee: a table that fails is told, tried again at the next look, and keeps no other waiting.
import type { Logger } from 'pino'
import { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { logCutoff } from '../../lake/log-cleanup.ts'
import type { TableName } from '../source-schema.ts'
import {
  applyRetention,
  cleanTable,
  compactTable,
  type Maintained,
  type Place,
  places,
  vacuumTable,
  waitingSince,
} from './maintain.ts'
import type { Retentions } from './retention.ts'
import { UntakenFiles } from './untaken.ts'

/** When and how much; all times in milliseconds. */
export interface MaintenanceSettings {
  /** Between two compactions of a bronze table. */
  compact: number
  /** Between two vacuums of a table. */
  vacuum: number
  /** Bytes that DuckDB may use for it before it spills to disk. */
  memory: number
  /** What a write may take from its first file to its commit. */
  longestWrite: number
  retentions: Retentions
  /** How long bronze's log waits for a silver that stands still. */
  patience: number
}

export interface RoundsOptions extends MaintenanceSettings {
  lake: Lakehouse
  log: Logger
  /** Whether this worker maintains the table now; another may hold it. */
  owns: (table: TableName) => boolean
  /** Hears of a bronze table that has a version without new rows, which silver should take. */
  onBronze: (table: TableName) => void
}

/** A bronze table with so many files more than it had is compacted before its time. */
const many = 1_000
const day = 86_400_000

interface Due {
  compactedAt: number
  vacuumedAt: number
  /** The cutoff that the log was last cleaned up to. */
  cleanedUpTo: number
  /** Files after the last compaction. */
  files: number
}

export class MaintenanceRounds {
  readonly #options: RoundsOptions
  readonly #signal: AbortSignal
  readonly #maintained: Maintained
  readonly #due = new Map<string, Due>()
  readonly #began = Date.now()
  #duck: Duck | undefined

  /** With the signal, a look ends at once, in the middle of a file if need be. */
  constructor(options: RoundsOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
    const { lake, retentions, patience, longestWrite, memory } = options
    const untaken = new UntakenFiles(lake)
    this.#maintained = { lake, untaken, retentions, patience, longestWrite, memory, now: Date.now, signal }
    signal.addEventListener('abort', () => this.#duck?.connection.interrupt())
  }

  /** Looks at every table this worker owns. Throws STORE_FULL only. */
  async look(): Promise<void> {
    await this.#guarded('the lake', async () => {
      const all = await places(this.#options.lake)
      const first = all.find(({ zone }) => zone === 'bronze')?.name
      for (const place of all) {
        if (this.#signal.aborted) return
        const owner = place.name ?? first
        if (owner && this.#options.owns(owner)) await this.#guarded(place.path, () => this.#maintain(place))
      }
    })
  }

  async close(): Promise<void> {
    await this.#duck?.close()
    this.#duck = undefined
  }

  /** A full disk stops everything, as everywhere. */
  async #guarded(table: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (this.#signal.aborted) return
      if ((error as { code?: unknown }).code === 'STORE_FULL') throw error
      this.#options.log.warn({ table, err: error }, 'maintenance failed; it is tried again later')
    }
  }

  async #maintain(place: Place): Promise<void> {
    const { lake, compact: rhythm, vacuum: vacuumRhythm, retentions } = this.#options
    const snapshot = await lake.current(place.path)
    if (!snapshot) return
    const now = Date.now()
    const files = snapshot.files.size
    const due = this.#due.get(place.path) ?? { compactedAt: this.#began, vacuumedAt: 0, cleanedUpTo: 0, files }
    this.#due.set(place.path, due)
    if (await applyRetention(this.#maintained, place, snapshot)) this.#tell(place)
    // In this order: what the log no longer holds need not be kept for silver.
    const cutoff = logCutoff(retentions[place.zone].log, now)
    if (cutoff > due.cleanedUpTo && (await this.#clean(place))) due.cleanedUpTo = cutoff
    const early = place.zone === 'bronze' && now - due.compactedAt < rhythm && files < due.files + many
    // What cannot be joined must not keep replaced files from going.
    if (!early) await this.#guarded(place.path, () => this.#compact(place, due))
    if (now - due.vacuumedAt >= vacuumRhythm && (await this.#vacuum(place))) due.vacuumedAt = now
  }

  async #compact(place: Place, due: Due): Promise<void> {
    const done = await compactTable(await this.#database(), this.#maintained, place)
    due.compactedAt = Date.now()
    due.files = done?.after.files ?? 0
    if (!done || (done.before.files === done.after.files && done.dropped === 0)) return
    const { before, after, dropped } = done
    const told = { table: place.path, files: [before.files, after.files], bytes: [before.bytes, after.bytes], dropped }
    this.#options.log.info(told, 'compacted')
    this.#tell(place)
  }

  async #clean(place: Place): Promise<boolean> {
    const { log, patience } = this.#options
    const since = await waitingSince(this.#maintained, place)
    if (since !== undefined && Date.now() - since > day) {
      const until = new Date(since + patience).toISOString()
      log.warn(
        { table: place.path, until },
        'the log waits for silver, which stands still; later only `binlake replay` brings it on',
      )
    }
    const done = await cleanTable(await this.#database(), this.#maintained, place)
    if (done && done.deleted.objects > 0)
      log.info({ table: place.path, objects: done.deleted.objects, from: done.from }, 'log cleaned up')
    return done !== undefined
  }

  async #vacuum(place: Place): Promise<boolean> {
    const done = await vacuumTable(this.#maintained, place)
    if (done && done.deleted.files > 0)
      this.#options.log.info({ table: place.path, files: done.deleted.files, bytes: done.deleted.bytes }, 'vacuumed')
    return done !== undefined
  }

  #tell({ zone, name }: Place): void {
    if (zone === 'bronze' && name) this.#options.onBronze(name)
  }

  /** Its own, so that it takes neither memory nor a thread from the line. */
  async #database(): Promise<Duck> {
    this.#duck ??= await Duck.open({ memoryLimit: `${this.#options.memory}B`, threads: 1 })
    return this.#duck
  }
}
