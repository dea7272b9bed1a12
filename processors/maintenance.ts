// Maintenance beside the line: compaction, log clean-up and vacuum of the tables this worker owns, one after the other.
// Guarantee: it never stops ingestion, but for a full disk; it ends promptly, and what it was doing leaves the old state or the new one.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { Duck } from '../lake/duckdb.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { logCutoff } from '../lake/log-cleanup.ts'
import { applyRetention, cleanTable, compactTable, type Maintained, type Place, places, vacuumTable } from './maintain.ts'
import type { Retentions } from './retention.ts'
import type { TableName } from './source-schema.ts'
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

export interface MaintenanceOptions extends MaintenanceSettings {
  lake: Lakehouse
  log: Logger
  /** Whether this worker maintains the table now; another may hold it. */
  owns: (table: TableName) => boolean
  /** Hears of a bronze table that has a version without new rows, which silver should take. */
  onBronze: (table: TableName) => void
  /** Hears that there is no going on for anyone; `stop` then throws the reason. */
  onFailure: () => void
}

/** Milliseconds between two looks at the tables; not all are due at each. */
const look = 600_000
/** A bronze table with so many files more than it had is compacted before its time. */
const many = 1_000

interface Due {
  compactedAt: number
  vacuumedAt: number
  /** The cutoff that the log was last cleaned up to. */
  cleanedUpTo: number
  /** Files after the last compaction. */
  files: number
}

export class Maintenance {
  readonly #options: MaintenanceOptions
  readonly #stop = new AbortController()
  readonly #maintained: Maintained
  readonly #due = new Map<string, Due>()
  readonly #began = Date.now()
  readonly #loop: Promise<void>
  #duck: Duck | undefined
  #failure: unknown

  constructor(options: MaintenanceOptions) {
    this.#options = options
    const { lake, retentions, patience, longestWrite } = options
    const untaken = new UntakenFiles(lake)
    this.#maintained = { lake, untaken, retentions, patience, longestWrite, now: Date.now, signal: this.#stop.signal }
    this.#stop.signal.addEventListener('abort', () => this.#duck?.connection.interrupt())
    this.#loop = this.#work().catch((error: unknown) => {
      this.#failure = error
      options.onFailure()
    })
  }

  /** Ends it, in the middle of a file if need be. Throws what ended it before. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#loop
    await this.#duck?.close()
    if (this.#failure) throw this.#failure
  }

  get #stopped(): boolean {
    return this.#stop.signal.aborted
  }

  async #work(): Promise<void> {
    const every = Math.min(look, this.#options.compact, this.#options.vacuum)
    for (;;) {
      await sleep(every, undefined, { signal: this.#stop.signal }).catch(() => undefined)
      if (this.#stopped) return
      await this.#guarded('the lake', async () => {
        const all = await places(this.#options.lake)
        const first = all.find(({ zone }) => zone === 'bronze')?.name
        for (const place of all) {
          if (this.#stopped) return
          const owner = place.name ?? first
          if (owner && this.#options.owns(owner)) await this.#guarded(place.path, () => this.#maintain(place))
        }
      })
    }
  }

  /** A failure is told and tried again at the next look; a full disk stops everything, as everywhere. */
  async #guarded(table: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (this.#stopped) return
      if ((error as { code?: unknown }).code === 'STORE_FULL') throw error
      this.#options.log.warn({ table, err: error }, 'maintenance failed; it is tried again later')
    }
  }

  async #maintain(place: Place): Promise<void> {
    const { lake, compact: rhythm, vacuum: vacuumRhythm } = this.#options
    const snapshot = await lake.current(place.path)
    if (!snapshot) return
    const now = Date.now()
    const due = this.#due.get(place.path) ?? {
      compactedAt: this.#began,
      vacuumedAt: 0,
      cleanedUpTo: 0,
      files: snapshot.files.size,
    }
    this.#due.set(place.path, due)
    if (await applyRetention(this.#maintained, place, snapshot)) this.#told(place)
    // In this order: what the log no longer holds need not be kept for silver.
    const cutoff = logCutoff(this.#options.retentions[place.zone].log, now)
    if (cutoff > due.cleanedUpTo && (await this.#clean(place))) due.cleanedUpTo = cutoff
    const waits = place.zone === 'bronze' && now - due.compactedAt < rhythm && snapshot.files.size < due.files + many
    if (!waits) await this.#compact(place, due)
    if (now - due.vacuumedAt >= vacuumRhythm && (await this.#vacuum(place))) due.vacuumedAt = now
  }

  async #compact(place: Place, due: Due): Promise<void> {
    const done = await compactTable(await this.#database(), this.#maintained, place)
    due.compactedAt = Date.now()
    due.files = done?.after.files ?? 0
    if (!done || (done.before.files === done.after.files && done.dropped === 0)) return
    const { before, after, dropped } = done
    this.#options.log.info(
      { table: place.path, files: [before.files, after.files], bytes: [before.bytes, after.bytes], dropped },
      'compacted',
    )
    this.#told(place)
  }

  async #clean(place: Place): Promise<boolean> {
    const done = await cleanTable(await this.#database(), this.#maintained, place)
    if (done && done.deleted.objects > 0)
      this.#options.log.info({ table: place.path, commits: done.deleted.objects, from: done.from }, 'log cleaned up')
    return done !== undefined
  }

  async #vacuum(place: Place): Promise<boolean> {
    const done = await vacuumTable(this.#maintained, place)
    if (done && done.deleted.files > 0)
      this.#options.log.info({ table: place.path, files: done.deleted.files, bytes: done.deleted.bytes }, 'vacuumed')
    return done !== undefined
  }

  #told({ zone, name }: Place): void {
    if (zone === 'bronze' && name) this.#options.onBronze(name)
  }

  /** Its own, so that it takes neither memory nor a thread from the line. */
  async #database(): Promise<Duck> {
    this.#duck ??= await Duck.open({ memoryLimit: `${this.#options.memory}B`, threads: 1 })
    return this.#duck
  }
}
