// Gold, last on the line: each model is evaluated when an input has a new version, and committed only if its rows changed.
// Guarantee: a gold table is its model over the input versions that its txns name; evaluating again is always safe.
import type { Logger } from 'pino'
import { commit } from '../lake/commit.ts'
import type { Duck } from '../lake/duckdb.ts'
import { LakeError } from '../lake/lake-error.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { scan } from '../lake/scan.ts'
import { duckType, type Field, sameType } from '../lake/schema.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { id, join, type Sql, sql, trusted } from '../lake/sql.ts'
import { boundsProperties } from '../lake/stats.ts'
import { writeFile } from '../lake/write.ts'
import type { GoldModel } from '../sql/gold-models.ts'
import { damagedFile } from './damaged-file.ts'
import { GoldTypeUnsupported, goldFields } from './gold-fields.ts'
import { dropViews, type GoldInput, GoldInputs, makeViews } from './gold-inputs.ts'
import type { WholeTransactions } from './transactions/whole-transactions.ts'

export interface GoldOptions {
  duck: Duck
  lake: Lakehouse
  /** In dependency order, as loadGoldModels gives them. */
  models: readonly GoldModel[]
  log: Logger
  /** Of each of the source's transactions show everything or nothing; absent: silver as it is. */
  transactions?: WholeTransactions
}

export interface GoldSummary {
  /** Tables that have a new version. */
  committed: string[]
  /** Evaluated, with the rows they had. */
  unchanged: string[]
  /** Not evaluated, because inputs are not there yet. */
  waiting: { model: string; missing: string[] }[]
  /** Could not be evaluated or committed; the table stays as it was. */
  failed: { model: string; code: string; reason: string }[]
}

/** What this process knows of a lake's gold: evaluations that changed nothing leave no trace in the lake. */
interface Memory {
  inputs: GoldInputs
  evaluated: Map<string, string>
  complaints: Map<string, string>
}
const memories = new WeakMap<Lakehouse, Memory>()

const modelProperty = 'binlake.model'

/** Refreshes every model whose inputs changed. One that fails is reported and leaves the others alone; the lake's and store's errors go through. */
export async function refreshGold({ duck, lake, models, log, transactions }: GoldOptions): Promise<GoldSummary> {
  const memory = memories.get(lake) ?? { inputs: new GoldInputs(lake), evaluated: new Map(), complaints: new Map() }
  memories.set(lake, memory)
  memory.inputs.begin()
  const cut = transactions && (await memory.inputs.cut(models, { ...transactions, duck, log }))
  const summary: GoldSummary = { committed: [], unchanged: [], waiting: [], failed: [] }
  for (const model of models) {
    const { inputs, missing } = await memory.inputs.of(model)
    if (missing.length > 0) {
      summary.waiting.push({ model: model.name, missing })
      log.debug({ model: model.name, missing }, 'gold model waits for its inputs')
      continue
    }
    try {
      const outcome = await refresh(model, { duck, lake, inputs, memory, cut, transactions })
      if (outcome !== 'current') summary[outcome].push(model.name)
      if (outcome === 'committed') log.info({ model: model.name }, 'gold table refreshed')
      memory.complaints.delete(model.name)
    } catch (error) {
      const { code, reason } = failureOf(error, model)
      summary.failed.push({ model: model.name, code, reason })
      if (memory.complaints.get(model.name) !== reason) log.warn({ model: model.name, code }, reason)
      memory.complaints.set(model.name, reason)
    }
  }
  return summary
}

type Work = Pick<GoldOptions, 'duck' | 'lake'> & {
  inputs: readonly GoldInput[]
  memory: Memory
  cut: string | undefined
  transactions: WholeTransactions | undefined
}

async function refresh(
  model: GoldModel,
  { duck, lake, inputs, memory, cut, transactions }: Work,
): Promise<'current' | 'unchanged' | 'committed'> {
  const path = `gold/${model.name}`
  const live = await lake.current(path)
  const versions = inputs.map(({ snapshot, seen }) => ({
    appId: snapshot.metaData.id,
    version: seen ? seen.version : BigInt(snapshot.version),
  }))
  const partly = inputs.some(({ seen }) => seen)
  const held = inputs.map(({ snapshot }) => `${snapshot.metaData.id}@${snapshot.version}`)
  const state = [model.hash, ...held, partly ? cut : ''].join(' ')
  if (live && memory.evaluated.get(model.name) === `${state} ${live.version}`) return 'current'
  // What is seen of an input grows without a new version of it.
  if (
    live &&
    !partly &&
    live.metaData.configuration[modelProperty] === model.hash &&
    versions.every(({ appId, version }) => live.txns.get(appId) === version)
  ) {
    return 'current'
  }
  try {
    await makeViews(duck, lake, inputs)
    const fields = await evaluate(duck, model)
    if (live?.metaData.configuration[modelProperty] === model.hash && (await holds(live, { duck, lake, path, fields }))) {
      memory.evaluated.set(model.name, `${state} ${live.version}`)
      return 'unchanged'
    }
    const add = await writeFile(duck, lake.table(path), { select: sql`SELECT * FROM gold_result`, fields })
    const committed = await commit(lake.table(path), {
      base: live,
      mode: 'overwrite',
      operation: live ? 'REFRESH' : 'CREATE TABLE AS SELECT',
      metaData: { fields, name: model.name, configuration: { [modelProperty]: model.hash, ...boundsProperties([]) } },
      txns: [...versions, ...(transactions ? memory.inputs.progress : [])],
      adds: add ? [add] : [],
    })
    memory.inputs.committed(path, lake.committed(path, committed))
    return 'committed'
  } finally {
    await duck.run(sql`DROP TABLE IF EXISTS gold_result`)
    await dropViews(duck)
  }
}

/** Temp table `gold_result`, every column in its Delta type. */
async function evaluate(duck: Duck, model: GoldModel): Promise<Field[]> {
  const query = trusted(`(${model.text}\n)`)
  const fields = await goldFields(duck, model.name, sql`SELECT * FROM ${query}`)
  const columns = fields.map(({ name, type }) => sql`CAST(${id(name)} AS ${trusted(duckType(type))}) AS ${id(name)}`)
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE gold_result AS SELECT ${join(columns)} FROM ${query}`)
  return fields
}

type Held = Pick<GoldOptions, 'duck' | 'lake'> & { path: string; fields: readonly Field[] }

/** Whether the live table has the very columns and rows of `gold_result`, in any order. */
async function holds(live: Snapshot, { duck, lake, path, fields }: Held): Promise<boolean> {
  const sameFields =
    live.fields.length === fields.length &&
    fields.every(({ name, type }, i) => live.fields[i]!.name === name && sameType(live.fields[i]!.type, type))
  if (!sameFields) return false
  const row = sql`row(${join(fields.map(({ name }) => id(name)))})`
  const content = (rows: Sql) => sql`(SELECT row(count(*), sum(hash(${row}))) FROM ${rows})`
  const answer = await duck.row<{ same: boolean }>(
    sql`SELECT ${content(sql`gold_result`)} IS NOT DISTINCT FROM ${content(await scan(lake.table(path), live))} AS same`,
  )
  return answer!.same
}

/** What a person may read of a failure: DuckDB quotes the row's value in some messages, never in those about names. */
function failureOf(error: unknown, { name }: GoldModel): { code: string; reason: string } {
  if (error instanceof GoldTypeUnsupported) return { code: error.code, reason: error.message }
  if (error instanceof LakeError && (error.code === 'LAKE_CONFLICT' || error.code === 'LAKE_FENCED')) {
    return { code: error.code, reason: error.message }
  }
  const message = error instanceof Error ? error.message.split('\n')[0]! : ''
  const damaged = damagedFile(message)
  if (damaged) return { code: 'GOLD_FILE_DAMAGED', reason: `gold.${name}: ${damaged}` }
  if (/^(Binder|Catalog|Parser) Error/.test(message))
    return { code: 'GOLD_MODEL_FAILED', reason: `gold.${name}: ${message}; correct ${name}.sql or the policy` }
  const kind = /^(Conversion|Out of Range|Invalid Input) Error/.exec(message)?.[0]
  if (kind) return { code: 'GOLD_MODEL_FAILED', reason: `gold.${name}: a value does not fit (${kind}); correct ${name}.sql` }
  throw error
}
