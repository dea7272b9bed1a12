// Takes tables from bronze to silver, and silver to gold, each on its own interval, beside the ingestion of more bronze.
// Guarantee: one table that cannot go on stops alone; what concerns all (disk, store, memory) stops the run.

import type { EndOffsets } from '../connectors/source.ts'
import { tablePath } from '../lake/layout.ts'
import { compileMask, type MaskPlan } from '../privacy/mask.ts'
import { decisionsTable, isDebeziums } from './bronze-names.ts'
import type { Context } from './context.ts'
import { refreshGold } from './gold.ts'
import type { MergeRules } from './merge-interval.ts'
import { mergeIntervalOf } from './merge-interval-of.ts'
import { isMultiset } from './multiset/copies.ts'
import { isPlumbing } from './plumbing.ts'
import { refine } from './refine.ts'
import { Arrivals } from './schema/arrivals.ts'
import { askSource } from './schema/ask-source.ts'
import { heldReason } from './schema/held-reason.ts'
import { Sweeps } from './snapshots/sweeps.ts'
import type { SourceTable, TableName } from './source-schema.ts'
import { SourceSchemas } from './source-schemas.ts'
import { nameOf } from './table-name.ts'

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
  /** Debezium's topic.prefix. With it and `ends`, rows wait for the schema changes that they came after. */
  topicPrefix?: string
  /** The ends that are caught up to. */
  until?: EndOffsets | undefined
  /** Reads a table's schema from the source itself, where no schema change tells it. */
  readSchema?: (name: TableName) => Promise<SourceTable | undefined>
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
  /** The decisions that the last step knew of. */
  decisions?: number
  /** Its silver waits for a person's word on a schema change; what is before that goes on. */
  held?: Halted & { change: string }
}

export class Refinery {
  readonly #options: RefineryOptions
  readonly #schemas: SourceSchemas
  readonly #sweeps: Sweeps | undefined
  readonly #arrivals: Arrivals | undefined
  readonly #tables = new Map<string, Entry>()
  #goldDirty = true
  #goldAt = 0
  #heardAt = 0
  #stopping: { finish: boolean } | undefined
  #wakeUp = () => {}
  readonly #loop: Promise<void>
  #failure: unknown

  constructor(options: RefineryOptions) {
    this.#options = options
    const { duck, lake, log, ends, topicPrefix: topic, until } = options
    this.#schemas = new SourceSchemas(duck, lake, options.schemaModes)
    this.#arrivals = ends && topic ? new Arrivals({ lake, topic, ends: until ? async () => until : ends }) : undefined
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
    return [...this.#tables.values()].flatMap(({ halted, held }) => halted ?? (held ? [held] : []))
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
      await this.#hearDecisions()
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
    let planned: SourceTable | undefined
    try {
      entry.decisions = await this.#decisions()
      const upTo = (await lake.current(tablePath('bronze', entry.name)))?.version ?? 0
      if (!(await this.#hasSchemas(entry))) return
      const { schema, mask } = await this.#plan(entry.name)
      planned = schema
      if (mask.omitted !== undefined && isPlumbing(schema)) return
      this.#noteHeld(entry, schema)
      // A table without a key begins anew with the snapshot's first row (multiset/judge-events.ts). A sweep is behind `upTo`: it comes next.
      if (!isMultiset(mask.primaryKey) && (await this.#sweeps?.look(entry.name))) entry.awake = true
      const refined = await refine(duck, { lake, log, schema, mask, maxRows, upTo, ...budgetOf(this.#options) })
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
      // The schema change may have come meanwhile.
      if (entry.halted && planned && (await this.#schemas.get(entry.name)) !== planned) this.#forgive(entry)
    }
  }

  /** Whether bronze holds the schema changes that the table's rows came after. Once all is read, it does. */
  async #hasSchemas(entry: Entry): Promise<boolean> {
    if (this.#stopping || !this.#arrivals || (await this.#arrivals.complete())) return true
    Object.assign(entry, { awake: true, mergedAt: Date.now(), intervalMs: Math.max(entry.intervalMs, 500) })
    return false
  }

  /** The table's schema and how it is masked. Compiled for each step: both may have changed. */
  async #plan(name: TableName): Promise<{ schema: SourceTable; mask: MaskPlan }> {
    const schema = (await this.#schemas.get(name)) ?? (await this.#schemas.ask(name, wanted => askSource(wanted, this.#options)))
    if (!schema)
      throw new SchemaUnknown(
        `${nameOf(name)}: no schema change has told of this table yet; is include.schema.changes on, and its topic in Kafka?`,
      )
    const settled = (await this.#schemas.settle(name)) ?? schema
    return { schema: settled, mask: compileMask(this.#options.policy, settled, this.#options.keys) }
  }

  #noteHeld(entry: Entry, { timeline }: SourceTable): void {
    const held = timeline?.held
    if (!held) delete entry.held
    else if (entry.held?.change !== held.id) {
      const table = nameOf(entry.name)
      entry.held = { table, code: 'SCHEMA_HELD', reason: heldReason(table, held), change: held.id }
      this.#options.log.warn({ table, code: 'SCHEMA_HELD' }, entry.held.reason)
    }
  }

  /** A person may have decided what some table waits for. */
  async #hearDecisions(): Promise<void> {
    if (this.#stopping || Date.now() - this.#heardAt < 1_000) return
    this.#heardAt = Date.now()
    for (const entry of this.#tables.values()) {
      if (entry.halted && entry.decisions !== (await this.#decisions())) {
        delete entry.halted
        Object.assign(entry, { awake: true, intervalMs: 0 })
      }
      if (!entry.held) continue
      const schema = await this.#schemas.get(entry.name)
      if (schema?.timeline?.held?.id === entry.held.change) continue
      delete entry.held
      Object.assign(entry, { awake: true, intervalMs: 0 })
    }
  }

  /** Grows with every decision about any table. */
  async #decisions(): Promise<number> {
    return (await this.#options.lake.current(tablePath('bronze', decisionsTable)))?.version ?? -1
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
    const { duck, lake, log, gold, transactions } = this.#options
    await refreshGold({ duck, lake, models: gold, log, ...(transactions ? { transactions } : {}) })
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
