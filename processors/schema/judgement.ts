// What approving or rejecting a held change would do: to silver, to its history, to gold and by the policy.
// Guarantee: the plan that is shown is the plan that is carried out, made by the same functions; nothing is written.
import type { Duck } from '../../lake/duckdb.ts'
import { factsOf } from '../../lake/facts.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { id } from '../../lake/sql.ts'
import type { Keys } from '../../privacy/keys.ts'
import { compileMask } from '../../privacy/mask.ts'
import type { Policy } from '../../privacy/policy.ts'
import type { GoldModel } from '../../sql/gold-models.ts'
import { paths } from '../silver-parts.ts'
import type { SourceTable, TableName } from '../source-schema.ts'
import { outgrown } from './built.ts'
import type { Change } from './changes-between.ts'
import { kinds, type Mode } from './kinds.ts'
import { modelsReading } from './models-reading.ts'
import type { PlannedStep } from './plan-table.ts'

export type Verdict = 'approve' | 'reject'

export interface Judgement {
  /** `database.table` */
  table: string
  /** The change's id. */
  change: string
  verdict: Verdict
  /** What the source did. */
  source: string[]
  silver: string[]
  history: string[]
  /** Gold models that read what changes. */
  gold: string[]
  policy: string[]
  /** What the next held change of the table would be. */
  next?: string
}

/** The change cannot be ignored, or nothing is held. */
export class SchemaRefused extends Error {
  readonly code = 'SCHEMA_REFUSED'
  readonly retryable = false
}

export interface JudgeOptions {
  duck: Duck
  lake: Lakehouse
  policy: Policy
  keys: Keys
  gold: readonly GoldModel[]
  verdict: Verdict
  /** The table as it is followed now, and as it would be. */
  now: SourceTable
  next: SourceTable
  step: PlannedStep
}

/** Kinds of which the old schema could not read what comes. */
const notIgnorable: Partial<Record<Change['kind'], string>> = {
  widened: 'values come that the old type cannot hold',
  incompatible: 'values come that are of another type; a policy that drops the column lets the table go on without it',
  primary_key: 'rows come that the old key cannot tell apart',
  table_replaced: 'rows come of another table',
  table_created_again: 'rows come of another table of the same name',
}

/** Throws SchemaRefused where rejecting is not sound. */
export async function judge(name: TableName, options: JudgeOptions): Promise<Judgement> {
  const { step, verdict, now, next, gold, duck } = options
  const table = `${name.database}.${name.table}`
  const impossible = verdict === 'reject' ? step.changes.find(({ kind }) => notIgnorable[kind]) : undefined
  if (impossible)
    throw new SchemaRefused(
      `${table}: ${impossible.detail}: this cannot be ignored, since ${notIgnorable[impossible.kind]}; \`binlake schema show ${table}\` says what approving does`,
    )
  const columns = step.changes.flatMap(({ column, from }) => [column, from].filter(one => one !== undefined))
  const anew = step.changes.some(({ kind }) => ['primary_key', 'table_replaced', 'table_created_again'].includes(kind))
  const held = next.timeline?.held
  const rows = await rebuild(name, options)
  return {
    table,
    change: step.version.id,
    verdict,
    source: step.changes.map(({ detail }) => detail),
    silver: [...step.changes.map(change => effect(change, { verdict, table })), rows.words],
    history: [
      anew
        ? 'begins anew with silver; what it held is in earlier versions of the table and in bronze'
        : rows.rebuilt
          ? 'is made anew with silver: versions from before are shown in the new columns, as silver shows its rows'
          : 'goes on as it is',
    ],
    gold: await modelsReading(duck, gold, { ...name, ...(anew || columns.length === 0 ? {} : { columns }) }),
    policy: policyEffects(now, next, options),
    ...(held ? { next: `then ${held.id} waits: ${held.words.join('; ')}` } : {}),
  }
}

function effect({ kind, column, from }: Change, { verdict, table }: { verdict: Verdict; table: string }): string {
  const mode: Mode = verdict === 'reject' && kinds[kind].ignorable ? 'ignore' : 'evolve'
  const snapshot = `\`binlake snapshot ${table}\``
  switch (kind) {
    case 'added':
      return mode === 'ignore'
        ? `column ${column} is not taken`
        : `column ${column} comes; rows from before have NULL or its constant default`
    case 'added_computed':
      return mode === 'ignore'
        ? `column ${column} is not taken`
        : `column ${column} comes; rows from before have NULL until ${snapshot} reads them`
    case 'dropped':
      return `column ${column} stays, and is NULL in rows that change from here on`
    case 'renamed':
      return mode === 'ignore'
        ? `column ${from} stays as it is; ${column} comes as a new column, NULL in rows from before`
        : `column ${from} is called ${column} and keeps its values`
    case 'widened':
      return `column ${column} takes the wider type`
    case 'narrowed':
      return `column ${column} keeps its wider type; if MySQL cut values, ${snapshot} brings them`
    case 'incompatible':
      return `column ${column} takes the new type and is NULL in rows that no event since then has brought: run ${snapshot} first, then approve`
    case 'unclear':
      return verdict === 'reject'
        ? 'columns that came are not taken, columns that went stay'
        : 'columns that went and came are different ones; if one was renamed, say so with --rename old=new'
    case 'primary_key':
    case 'table_replaced':
      return `begins anew with the events from this change on: run ${snapshot} first, so that they bring all rows, then approve`
    case 'table_created_again':
      return 'begins anew with the new table; the old rows are gone, as in MySQL'
    case 'partition':
      return `rows of the partition stay until ${snapshot} or \`binlake verify --repair\` finds them gone`
    case 'table_swapped':
      return 'goes on with the rows it has: the copy has the same'
    case 'table_dropped':
    case 'table_renamed':
      return 'keeps the rows it has; nothing comes any more'
    default:
      return `${kind === 'labels' ? 'labels' : kind} of ${column ?? 'the table'}: nothing to do, values stay as they are`
  }
}

/** Whether silver's rows must be made anew, and what that is in words. */
async function rebuild(
  name: TableName,
  { lake, policy, keys, next }: JudgeOptions,
): Promise<{ rebuilt: boolean; words: string }> {
  const mask = compileMask(policy, next, keys)
  const silver = await lake.current(paths(name).current)
  const bronze = await lake.current(tablePath('bronze', name))
  const count = (snapshot: typeof silver) => (snapshot ? factsOf(snapshot).rows.toLocaleString('en') : '0')
  if (!silver) return { rebuilt: false, words: 'there is none yet' }
  if (outgrown(silver, next, mask) === undefined) return { rebuilt: false, words: 'goes on as it is; no row is written anew' }
  return {
    rebuilt: true,
    words: `is made anew from ${count(bronze)} bronze records by \`binlake run\`, beside its ${count(silver)} rows of now, which readers see until then`,
  }
}

function policyEffects(now: SourceTable, next: SourceTable, { policy, keys, step }: JudgeOptions): string[] {
  const before = new Set(now.columns.map(column => column.name))
  const { quarantined, omitted, columns } = compileMask(policy, next, keys)
  if (omitted) return [`the table leaves silver: ${omitted}`]
  const then = compileMask(policy, now, keys).columns
  const isKept = (masked: typeof columns, name: string | undefined) =>
    masked.some(({ source, expr }) => source === name && expr.text === id(source).text)
  const cleared = step.changes.filter(
    ({ kind, from, column }) => kind === 'renamed' && before.has(from!) && !isKept(then, from) && isKept(columns, column),
  )
  return [
    ...cleared.map(
      ({ from, column }) =>
        `column ${column} SHOWS the values that the policy masks or leaves out as ${from}: its own rule is keep; mask it in the policy first if they must not be seen`,
    ),
    ...quarantined
      .filter(({ column }) => !before.has(column))
      .map(({ column, reason }) => `column ${column} does not reach silver: ${reason}`),
  ]
}
