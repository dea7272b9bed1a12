// A table's versions made into what silver follows: which changes it takes, from which place on it waits, how each era's events are read.
// Guarantee: pure; with the same versions, decisions and modes a merge and a rebuild read every event alike.
import type { Era, Place, SourceTable, TableName } from '../source-schema.ts'
import { type Change, changesBetween } from './changes-between.ts'
import { Columns } from './columns.ts'
import type { Ddl } from './ddl.ts'
import { type ChangeKind, kinds, type Mode, type Modes, modeOf } from './kinds.ts'
import { comparePlaces } from './place.ts'
import type { Version } from './versions.ts'

/** Kind `schema` of decisions.ts. */
export interface SchemaDecision {
  /** The version's id. */
  change: string
  /** What a person said. */
  verdict?: 'approve' | 'reject'
  /** Columns that a person calls renamed where no statement says so. */
  renamed?: { from: string; to: string }[]
  /** What the line did by the settings in force when it came to the change. */
  modes?: Partial<Record<ChangeKind, Mode>>
  /** The table as information_schema tells it, where no schema change does. */
  told?: SourceTable
}

/** One version as silver takes it. */
export interface PlannedStep {
  version: Version
  changes: (Change & { mode: Mode })[]
  /** behind: it comes after a held one. */
  state: 'taken' | 'held' | 'behind'
  verdict?: 'approve' | 'reject'
  /** True: what is done about it is not among the decisions yet. */
  undecided: boolean
}

export interface TablePlan {
  /** With its timeline. */
  schema: SourceTable
  /** Oldest first; the first version has no changes. */
  steps: PlannedStep[]
}

export interface PlanOptions {
  name: TableName
  decisions: readonly SchemaDecision[]
  modes: Modes
  /** The numbers of GTIDs do not tell the order of transactions. */
  unordered?: boolean
}

/** Undefined: no version has a schema. */
export function planTable(versions: readonly Version[], options: PlanOptions): TablePlan | undefined {
  const first = versions.findIndex(({ schema }) => schema !== undefined)
  if (first < 0) return undefined
  const decided = byChange(options.decisions)
  const steps: PlannedStep[] = [{ version: versions[first]!, changes: [], state: 'taken', undecided: false }]
  const eras: Era[] = []
  let columns = Columns.of(versions[first]!)
  let schema = versions[first]!.schema!
  let generation = 0
  let held: PlannedStep | undefined
  // Of the version before, taken or not.
  let told = schema
  const pending: { id: string; from?: Place; schema: SourceTable; columns: Columns }[] = [
    { id: versions[first]!.id, schema, columns },
  ]
  for (const version of versions.slice(first + 1)) {
    const step = stepOf(version, told, { ...options, decided, held: held !== undefined })
    steps.push(step)
    told = version.schema ?? told
    if (held) continue
    if (step.state === 'held') held = step
    else if (version.schema) {
      const anew = step.changes.some(({ kind }) => startsAnew.has(kind))
      columns = anew
        ? Columns.of(version)
        : columns.after(version, {
            before: schema,
            changes: step.changes,
            ddls: ddlsOf(version, decided),
            approved: step.verdict === 'approve',
          })
      schema = version.schema
      if (anew) generation = pending.length
      pending.push({ id: version.id, from: version.from, schema, columns })
    }
  }
  for (const { id, from, schema: spelled, columns: then } of pending)
    eras.push({ id, ...(from ? { from } : {}), schema: spelled, reads: columns.readFrom(then) })
  const target = columns.target(schema, options.name)
  const timeline = {
    eras,
    generation,
    byTime: !growing(pending),
    births: columns.births(),
    ...(options.unordered ? { unordered: true as const } : {}),
    ...(held ? { held: { id: held.version.id, from: held.version.from, words: held.changes.map(({ detail }) => detail) } } : {}),
  }
  return { schema: { ...target, timeline }, steps }
}

/** Kinds after which rows from before have no part in silver. */
const startsAnew: ReadonlySet<ChangeKind> = new Set<ChangeKind>(['primary_key', 'table_created_again', 'table_replaced'])

type Decided = ReadonlyMap<
  string,
  { verdict?: 'approve' | 'reject'; modes?: SchemaDecision['modes']; renamed?: SchemaDecision['renamed'] }
>

/** A person's last word counts, and the line's first. */
function byChange(decisions: readonly SchemaDecision[]): Decided {
  const found = new Map<
    string,
    { verdict?: 'approve' | 'reject'; modes?: SchemaDecision['modes']; renamed?: SchemaDecision['renamed'] }
  >()
  for (const { change, verdict, modes, renamed } of decisions) {
    const known = found.get(change) ?? {}
    found.set(change, {
      ...known,
      ...(verdict ? { verdict, ...(renamed ? { renamed } : {}) } : {}),
      ...(modes ? { modes: { ...modes, ...known.modes } } : {}),
    })
  }
  return found
}

function ddlsOf(version: Version, decided: Decided): readonly Ddl[] {
  const renamed = decided.get(version.id)?.renamed
  return renamed ? [...version.ddls, { understood: true, renamedColumns: renamed, addedColumns: [] }] : version.ddls
}

function stepOf(
  version: Version,
  before: SourceTable,
  { name, modes, decided, held }: PlanOptions & { decided: Decided; held: boolean },
): PlannedStep {
  const known = decided.get(version.id)
  const changes = changesOf(version, before, ddlsOf(version, decided)).map(change => {
    const wanted = known?.verdict
      ? known.verdict === 'approve' || !kinds[change.kind].ignorable
        ? 'evolve'
        : 'ignore'
      : (known?.modes?.[change.kind] ?? modeOf(modes, name, change.kind))
    // Nothing waits for what comes without an event: there is nothing that could.
    return { ...change, mode: wanted === 'hold' && !version.schema ? ('evolve' as const) : wanted }
  })
  const holds = changes.some(({ mode }) => mode === 'hold')
  return {
    version,
    changes,
    state: held ? 'behind' : holds ? 'held' : 'taken',
    ...(known?.verdict ? { verdict: known.verdict } : {}),
    undecided: known?.verdict === undefined && changes.some(({ kind }) => known?.modes?.[kind] === undefined),
  }
}

function changesOf(version: Version, before: SourceTable, ddls: readonly Ddl[]): Change[] {
  const { schema, renamedTo, swappedFrom, snapshot } = version
  const called = ({ database, table }: TableName) => `${database}.${table}`
  if (!schema) {
    if (renamedTo) return [{ kind: 'table_renamed', detail: `the table is called ${called(renamedTo)} from here on` }]
    return [{ kind: 'table_dropped', detail: 'the table was dropped' }]
  }
  if (version.again) return [{ kind: 'table_created_again', detail: 'the table was dropped and made again: its rows are gone' }]
  const changes = changesBetween({ before, now: schema, ddls, snapshot })
  if (!swappedFrom) return changes
  // gh-ost's and pt-online-schema-change's names for the copy that they fill and put in place.
  const copies = [`_${schema.table}_gho`, `_${schema.table}_new`]
  return copies.includes(swappedFrom.table)
    ? [{ kind: 'table_swapped', detail: `its altered copy ${called(swappedFrom)} took its place` }, ...changes]
    : [{ kind: 'table_replaced', detail: `another table, ${called(swappedFrom)}, took its name` }, ...changes]
}

function growing(eras: readonly { from?: Place }[]): boolean {
  return eras.every(({ from }, i) => i < 2 || from === undefined || comparePlaces(eras[i - 1]!.from!, from) !== 1)
}
