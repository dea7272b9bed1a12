// Takes tables from bronze to silver, and silver to gold, each on its own interval, beside the ingestion of more bronze.
// Guarantee: one table that cannot go on stops alone; what concerns all (disk, store, memory) stops the run.
import type { EndOffsets } from '../connectors/source.ts'
import { compileMask, type MaskPlan } from '../privacy/mask.ts'
import { isDebeziums } from './bronze-names.ts'
import type { Context } from './context.ts'
import { refreshGold } from './gold.ts'
import type { MergeRules } from './merge-interval.ts'
import { mergeIntervalOf } from './merge-interval-of.ts'
import { isMultiset } from './multiset/copies.ts'
import { refine } from './refine.ts'
import { Sweeps } from './snapshots/sweeps.ts'
import type { SourceTable, TableName } from './source-schema.ts'
import { SourceSchemas } from './source-schemas.ts'

/** `duck` is a connection of this object's own. */
export interface RefineryOptions extends Context {
  maxRows: number
  /** How long a table waits between two merges. */
  merge: MergeRules
  /** How many records of a table may wait in quarantine before its silver stops; absent: any number. */
  quarantineBudget?: number
  /** There is an end to come soon, so merges may wait for it. */
  catchingUp: boolean
  /** Whether this worker refines the table now; another may hold it. */
  owns: (table: TableName) => boolean
  /** Hears that the refinery has stopped for good; `stop` then throws the reason. */
  onFailure: () => void
  /** Where each topic ends now; absent: full snapshots are not swept. */
  ends?: () => Promise<EndOffsets>
  /** Hears of changes applied. */
  onChanges: (count: number) => void
}

export interface Halted {
  table: string
  code: string
  reason: string
}

/** Codes that stop one table; any other error stops the run. */
export const tableCodes: ReadonlySet<string> = new Set([
  'TABLE_HALTED',
  'SCHEMA_BEHIND',
  'SCHEMA_UNKNOWN',
  'POLICY_CHANGED',
  'TABLE_OMITTED',
  'COLUMN_TYPE_UNKNOWN',
  'LAKE_UNSUPPORTED_TABLE',
  'LAKE_SCHEMA_CHANGE',
])
/** Codes that the arrival of a schema change may cure. */
const waitingCodes = new Set(['SCHEMA_BEHIND', 'SCHEMA_UNKNOWN'])

interface Entry {
  name: TableName
  /** Bronze may hold more than silver. */
  awake: boolean
  /** Records that bronze has got since the last merge. */
  pending: number
  mergedAt: number
  /** Least milliseconds from then to the next. */
  intervalMs: number
  halted?: Halted
}

export class Refinery {
  readonly #options: RefineryOptions
  readonly #schemas: SourceSchemas
  readonly #sweeps: Sweeps | undefined
  readonly #tables = new Map<string, Entry>()
  #goldDirty = true
  #goldAt = 0
  #stopping: { finish: boolean } | undefined
  #wakeUp = () => {}
  readonly #loop: Promise<void>
  #failure: unknown

  constructor(options: RefineryOptions) {
    this.#options = options
    this.#schemas = new SourceSchemas(options.duck, options.lake)
    const { duck, lake, log, ends } = options
    this.#sweeps = ends && new Sweeps({ duck, lake, log, ends })
    this.#loop = this.#work().catch((error: unknown) => {
      this.#failure = error
      options.onFailure()
    })
  }

  /** Says that a table's bronze has grown, or may have. */
  wake(name: TableName, records = 0): void {
    if (isDebeziums(name)) for (const entry of this.#tables.values()) this.#forgive(entry)
    else {
      const key = nameOf(name)
      const entry = this.#tables.get(key) ?? { name, awake: true, pending: 0, mergedAt: 0, intervalMs: 0 }
      entry.awake = true
      entry.pending += records
      this.#tables.set(key, entry)
    }
    this.#wakeUp()
  }

  /** Tables whose silver stands still. */
  get halted(): Halted[] {
    return [...this.#tables.values()].flatMap(({ halted }) => halted ?? [])
  }

  /** Ends the loop after the step under way; with `finish`, after everything in bronze is in silver and gold. */
  async stop(options: { finish: boolean }): Promise<void> {
    this.#stopping = options
    this.#wakeUp()
    await this.#loop
    if (this.#failure) throw this.#failure
  }

  async #work(): Promise<void> {
    for (;;) {
      const next = this.#next()
      if (next) await this.#refineTable(next)
      else if (this.#goldDirty && !this.#skips()) await this.#refreshGold()
      else if (this.#stopping) return
      else await this.#rest()
      if (this.#skips()) return
    }
  }

  #skips(): boolean {
    return this.#stopping !== undefined && !this.#stopping.finish
  }

  /** The due table that has waited longest. */
  #next(): Entry | undefined {
    if (this.#skips()) return undefined
    const due = [...this.#tables.values()].filter(
      entry => entry.awake && !entry.halted && this.#options.owns(entry.name) && this.#isDue(entry),
    )
    return due.sort((a, b) => a.mergedAt - b.mergedAt)[0]
  }

  /** A full step's worth of changes is always due. While catching up nothing less is: each merge writes old rows anew. */
  #isDue({ pending, mergedAt, intervalMs }: Entry): boolean {
    const { maxRows, catchingUp } = this.#options
    if (this.#stopping || pending >= maxRows) return true
    return !catchingUp && Date.now() - mergedAt >= intervalMs
  }

  async #refineTable(entry: Entry): Promise<void> {
    const { duck, lake, log, maxRows, onChanges } = this.#options
    entry.awake = false
    entry.pending = 0
    try {
      const { schema, mask } = await this.#plan(entry.name)
      // A table without a key begins anew with the snapshot's first row (multiset/judge-events.ts).
      if (!isMultiset(mask.primaryKey)) await this.#sweeps?.look(entry.name)
      const refined = await refine(duck, { lake, log, schema, mask, maxRows, ...budgetOf(this.#options) })
      if (!refined) return
      this.#goldDirty = true
      entry.awake ||= refined.more
      if (!refined.more) {
        entry.mergedAt = Date.now()
        entry.intervalMs = (await mergeIntervalOf(lake, entry.name, this.#options.merge)).ms
      }
      onChanges(refined.rows)
    } catch (error) {
      this.#halt(entry, error)
    }
  }

  /** The table's schema and how it is masked. Compiled for each step: both may have changed. */
  async #plan(name: TableName): Promise<{ schema: SourceTable; mask: MaskPlan }> {
    const schema = await this.#schemas.get(name)
    if (!schema)
      throw new SchemaUnknown(
        `${nameOf(name)}: no schema change has told of this table yet; is include.schema.changes on, and its topic in Kafka?`,
      )
    const mask = compileMask(this.#options.policy, schema, this.#options.keys)
    return { schema, mask }
  }

  #halt(entry: Entry, error: unknown): void {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    // Another worker was first with the same changes: what is left of them, if anything, is seen at the next look.
    if (code === 'LAKE_CONFLICT' || code === 'LAKE_FENCED') {
      entry.awake = true
      entry.mergedAt = Date.now()
      this.#options.log.info({ table: nameOf(entry.name), code }, 'another worker has merged this table')
      return
    }
    if (!tableCodes.has(code)) throw error
    entry.halted = { table: nameOf(entry.name), code, reason: (error as Error).message }
    const waits = waitingCodes.has(code) && !this.#stopping
    this.#options.log[waits ? 'info' : 'warn']({ table: entry.halted.table, code }, entry.halted.reason)
  }

  /** A new schema change may be the one that a table waits for. */
  #forgive(entry: Entry): void {
    if (entry.halted && !waitingCodes.has(entry.halted.code)) return
    delete entry.halted
    entry.awake = true
  }

  /** By the worker that owns the first table, so that one does it. Models whose inputs stand as they were cost a look. */
  async #refreshGold(): Promise<void> {
    this.#goldDirty = false
    this.#goldAt = Date.now()
    const first = [...this.#tables.values()].map(({ name }) => name).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))[0]
    if (first && !this.#options.owns(first)) return
    const { duck, lake, log, gold } = this.#options
    await refreshGold({ duck, lake, models: gold, log })
  }

  #rest(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, Math.min(this.#options.merge.intervalMs, 1_000))
    // Another worker may have merged tables that our gold reads.
    if (Date.now() - this.#goldAt >= this.#options.merge.intervalMs) this.#goldDirty = true
    this.#wakeUp = resolve
    return promise.finally(() => clearTimeout(timer))
  }
}

export class SchemaUnknown extends Error {
  readonly code = 'SCHEMA_UNKNOWN'
  readonly retryable = true
}

function budgetOf({ quarantineBudget }: RefineryOptions): { quarantineBudget?: number } {
  return quarantineBudget === undefined ? {} : { quarantineBudget }
}

function nameOf({ database, table }: TableName): string {
  return `${database}.${table}`
}
