// Takes tables from bronze to silver, and silver to gold, each on its own interval, beside the ingestion of more bronze.
// Guarantee: one table that cannot go on stops alone; what concerns all (disk, store, memory) stops the run.

import type { EndOffsets } from '../connectors/source.ts'
import { tablePath } from '../lake/layout.ts'
import { decisionsTable, isDebeziums } from './bronze-names.ts'
import type { Context } from './context.ts'
import { refreshGold } from './gold.ts'
import { type Halted, Halts, tableCodes, waitingCodes } from './halts.ts'
import type { MergeRules } from './merge-interval.ts'
import { mergeIntervalOf } from './merge-interval-of.ts'
import { isMultiset } from './multiset/copies.ts'
import { isPlumbing } from './plumbing.ts'
import { RebuildBeside } from './rebuild-beside.ts'
import { type Refined, type Refinement, refine } from './refine.ts'
import { planRefinement, type RefinementPlan } from './refinement-plan.ts'
import { Arrivals } from './schema/arrivals.ts'
import { outgrown } from './schema/built.ts'
import { heldReason } from './schema/held-reason.ts'
import { Sweeps } from './snapshots/sweeps.ts'
import type { SourceTable, TableName } from './source-schema.ts'
import { SourceSchemas } from './source-schemas.ts'
import { nameOf } from './table-name.ts'
import { forgive, goOn, lookAgain, type Turn, Turns } from './turns.ts'

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

export class Refinery {
  readonly #options: RefineryOptions
  readonly #schemas: SourceSchemas
  readonly #sweeps: Sweeps | undefined
  readonly #arrivals: Arrivals | undefined
  readonly #halts: Halts
  readonly #rebuild: RebuildBeside
  readonly #turns = new Turns()
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
    this.#halts = new Halts(lake)
    this.#rebuild = new RebuildBeside(duck, () => this.#wakeUp())
    const failed = (error: unknown) => {
      this.#failure = error
      options.onFailure()
    }
    this.#loop = this.#work()
      .catch(failed)
      .then(() => this.#rebuild.settled())
  }

  /** Says that a table's bronze has grown, or may have. */
  wake(name: TableName, records = 0): void {
    if (isDebeziums(name)) this.#turns.all.forEach(forgive)
    else this.#turns.wake(name, records)
    this.#wakeUp()
  }

  /** Tables whose silver stands still. */
  get halted(): Halted[] {
    return this.#turns.halted
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
      const rebuilt = this.#rebuild.ended()
      if (rebuilt) {
        for (const turn of this.#turns.all) turn.aside = false
        await this.#settle(rebuilt.turn, rebuilt.plan, rebuilt.step)
      }
      const next = this.#next()
      if (next) await this.#refineTable(next)
      else if (this.#goldDirty && !this.#skips() && !(this.#stopping && this.#rebuild.busy)) await this.#refreshGold()
      else if (this.#stopping && !this.#rebuild.busy) return
      else await this.#rest()
      if (this.#skips() && !this.#rebuild.busy) return
    }
  }

  #skips(): boolean {
    return this.#stopping !== undefined && !this.#stopping.finish
  }

  #next(): Turn | undefined {
    const { owns, maxRows, catchingUp } = this.#options
    return this.#skips() ? undefined : this.#turns.next({ owns, maxRows, catchingUp, last: this.#stopping !== undefined })
  }

  async #refineTable(turn: Turn): Promise<void> {
    const { duck, lake, log, quarantineBudget: budget } = this.#options
    turn.awake = false
    turn.pending = 0
    let plan: RefinementPlan | undefined
    try {
      turn.decisions = await this.#decisions()
      const upTo = (await lake.current(tablePath('bronze', turn.name)))?.version ?? 0
      if (!(await this.#hasSchemas(turn))) return
      plan = await planRefinement(this.#schemas, turn.name, this.#options)
      const { schema, mask } = plan
      if (mask.omitted !== undefined && isPlumbing(schema)) return
      this.#noteHeld(turn, schema)
      // A table without a key begins anew with the snapshot's first row (multiset/judge-events.ts). A sweep is behind `upTo`: it comes next.
      if (!isMultiset(mask.primaryKey) && (await this.#sweeps?.look(turn.name))) turn.awake = true
      const refinement = { lake, log, schema, mask, upTo, ...(budget === undefined ? {} : { quarantineBudget: budget }) }
      if (outgrown(await lake.current(tablePath('silver', turn.name)), schema, mask) === undefined)
        await this.#settle(turn, plan, refine(duck, { ...refinement, maxRows: this.#maxRows() }))
      else this.#rebuildBeside(turn, plan, { ...refinement, maxRows: this.#options.maxRows })
    } catch (error) {
      await this.#failed(turn, plan, error)
    }
  }

  /** Other tables' merges go on meanwhile; a second table that has to be built anew waits. */
  #rebuildBeside(turn: Turn, plan: RefinementPlan, refinement: Refinement): void {
    if (this.#rebuild.busy) {
      turn.aside = true
      turn.awake = true
    } else this.#rebuild.begin(turn, plan, refinement)
  }

  /** A rebuild beside it has most of the memory. */
  #maxRows(): number {
    const { maxRows } = this.#options
    return this.#rebuild.busy ? Math.ceil(maxRows / 4) : maxRows
  }

  async #settle(turn: Turn, plan: RefinementPlan, step: Promise<Refined | undefined>): Promise<void> {
    try {
      const refined = await step
      await this.#halts.clear(turn.name)
      if (refined) await this.#refined(turn, refined)
    } catch (error) {
      await this.#failed(turn, plan, error)
    }
  }

  async #refined(turn: Turn, { more, rows }: Refined): Promise<void> {
    this.#goldDirty = true
    turn.awake ||= more
    if (!more) {
      turn.mergedAt = Date.now()
      turn.intervalMs = (await mergeIntervalOf(this.#options.lake, turn.name, this.#options.merge)).ms
    }
    this.#options.onChanges(rows)
  }

  /** Whether bronze holds the schema changes that the table's rows came after. Once all is read, it does. */
  async #hasSchemas(turn: Turn): Promise<boolean> {
    if (this.#stopping || !this.#arrivals || (await this.#arrivals.complete())) return true
    lookAgain(turn)
    return false
  }

  #noteHeld(turn: Turn, { timeline }: SourceTable): void {
    const held = timeline?.held
    if (!held) delete turn.held
    else if (turn.held?.change !== held.id) {
      const table = nameOf(turn.name)
      turn.held = { table, code: 'SCHEMA_HELD', reason: heldReason(table, held), change: held.id }
      this.#options.log.warn({ table, code: 'SCHEMA_HELD' }, turn.held.reason)
    }
  }

  /** A person may have decided what some table waits for. */
  async #hearDecisions(): Promise<void> {
    if (this.#stopping || Date.now() - this.#heardAt < 1_000) return
    this.#heardAt = Date.now()
    for (const turn of this.#turns.all) {
      if (turn.halted && turn.decisions !== (await this.#decisions())) goOn(turn)
      if (!turn.held) continue
      const schema = await this.#schemas.get(turn.name)
      if (schema?.timeline?.held?.id === turn.held.change) continue
      delete turn.held
      Object.assign(turn, { awake: true, intervalMs: 0 })
    }
  }

  /** Grows with every decision about any table. */
  async #decisions(): Promise<number> {
    return (await this.#options.lake.current(tablePath('bronze', decisionsTable)))?.version ?? -1
  }

  /** Halts the table, if this is a reason that concerns it alone; else throws. */
  async #failed(turn: Turn, plan: RefinementPlan | undefined, error: unknown): Promise<void> {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const table = nameOf(turn.name)
    // Another worker was first with the same changes: what is left of them, if anything, is seen at the next look.
    if (code === 'LAKE_CONFLICT' || code === 'LAKE_FENCED') {
      turn.awake = true
      turn.mergedAt = Date.now()
      this.#options.log.info({ table, code }, 'another worker has merged this table')
      return
    }
    if (!tableCodes.has(code)) throw error
    turn.halted = { table, code, reason: (error as Error).message }
    const waits = waitingCodes.has(code) && !this.#stopping
    this.#options.log[waits ? 'info' : 'warn']({ table, code }, turn.halted.reason)
    await this.#halts.tell(turn.name, turn.halted)
    // The schema change may have come meanwhile.
    if (plan && (await this.#schemas.get(turn.name)) !== plan.schema) forgive(turn)
  }

  /** By the worker that owns the first table, so that one does it. Models whose inputs stand as they were cost a look. */
  async #refreshGold(): Promise<void> {
    this.#goldDirty = false
    this.#goldAt = Date.now()
    const first = this.#turns.all.map(({ name }) => name).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))[0]
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
