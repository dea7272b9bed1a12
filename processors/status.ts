// How far the lake is behind its source, and what needs a person: read from the lake's logs and Kafka's end offsets.
// Guarantee: changes nothing, and a problem that stops data from flowing is never reported as ok.
import type { EndOffsets } from '../connectors/source.ts'
import type { Add } from '../lake/actions.ts'
import type { Duck } from '../lake/duckdb.ts'
import { factsOf, type TableFacts } from '../lake/facts.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { tablePath, tablePaths } from '../lake/layout.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import type { Keys } from '../privacy/keys.ts'
import { compileMask } from '../privacy/mask.ts'
import type { Policy } from '../privacy/policy.ts'
import { commitsBehind } from './behind.ts'
import { isDebeziums, offsetAppId, topicsOf } from './bronze-names.ts'
import { type Freshness, freshness } from './freshness.ts'
import { type Halt, haltOf, haltText, waitingCodes } from './halts.ts'
import type { MergeRules } from './merge-interval.ts'
import { type IntervalInForce, mergeIntervalOf } from './merge-interval-of.ts'
import { lostInserts, lostInsertsText } from './order/lost-inserts.ts'
import { isPlumbing } from './plumbing.ts'
import { openRecords } from './quarantine/records.ts'
import { heldReason } from './schema/held-reason.ts'
import type { Modes } from './schema/kinds.ts'
import { type RunningSnapshot, runningSnapshots } from './snapshots/running.ts'
import type { TableName } from './source-schema.ts'
import { SourceSchemas } from './source-schemas.ts'
import { takenBy } from './taken.ts'
import { lastVerification, type Verification, verificationProblems } from './verify/verifications.ts'

export interface TableStatus {
  /** `database.table`. */
  table: string
  bronze: TableFacts
  /** Records in Kafka that bronze lacks; undefined if Kafka was not asked. */
  lag: number | undefined
  silver: SilverStatus | undefined
  /** Why silver stands still, as the worker told that noticed; absent: it does not. */
  halt?: Halt
  /** Records that wait for a person, and columns that no rule lets through. */
  quarantine: { records: number; columns: string[] }
}

export interface SilverStatus extends TableFacts, Freshness {
  /** Commits of bronze that silver has not taken. */
  behind: number
  /** How long it waits between two merges, and why; undefined if the rules were not given. */
  merge: IntervalInForce | undefined
}

export interface LakeStatus {
  tables: TableStatus[]
  gold: ({ table: string } & TableFacts)[]
  /** Those that run now; tables that are left are not whole in silver. */
  snapshots: RunningSnapshot[]
  /** What needs a person, as sentences. */
  problems: string[]
  /** What the last scheduled verification found; absent: there was none. */
  verified?: Verification
}

export interface StatusOptions {
  duck: Duck
  lake: Lakehouse
  /** With both, columns that the policy lets through to nobody are listed. */
  policy?: { policy: Policy; keys: Keys }
  /** Kafka's end offsets. */
  ends?: EndOffsets
  /** What is done about changes of tables' schemas; absent: by default. */
  schemaModes?: Modes
  /** With them, each table's merge interval is told. */
  merge?: MergeRules
  now?: Date
}

/** Milliseconds that waiting data may stand still before that is a problem. */
const patience = 60_000
const day = 86_400_000

/** The state of every table. Throws the lake's and the store's errors. */
export async function lakeStatus(options: StatusOptions): Promise<LakeStatus> {
  const { lake, ends, now = new Date() } = options
  const problems: string[] = []
  const seen = new Set<string>()
  const tables: TableStatus[] = []
  const schemas = new SourceSchemas(options.duck, lake, options.schemaModes)
  for (const { name, snapshot } of await lake.bronzeTables()) {
    for (const { topic } of topicsOf(snapshot)) seen.add(topic)
    const halt = await haltNow(lake, name, now)
    const status: TableStatus = {
      table: `${name.database}.${name.table}`,
      bronze: factsOf(snapshot),
      lag: ends && lagOf(snapshot, ends),
      silver: await silverStatus(options, name, { bronze: snapshot, now }),
      ...(halt ? { halt } : {}),
      quarantine: await quarantineStatus(options, name, schemas),
    }
    tables.push(status)
    const schema = isDebeziums(name) ? undefined : await schemas.get(name)
    // Signals and heartbeats need no silver.
    if (schema && isPlumbing(schema)) status.quarantine.columns.length = 0
    problems.push(...problemsOf(status, { now, refined: !isDebeziums(name) && !(schema && isPlumbing(schema)) }))
    if (halt) problems.push(await haltText(lake, halt))
    const held = schema?.timeline?.held
    if (held) problems.push(heldReason(status.table, held))
    const lost = isDebeziums(name) ? [] : await lostInserts(options, name, { bronze: snapshot, files: newestFiles(snapshot) })
    if (lost.length > 0) problems.push(lostInsertsText(name, lost))
  }
  // A topic without a record, as that of signals often is, has nothing to bring.
  const filled = [...(ends ?? [])].filter(([, { partitions }]) => [...partitions.values()].some(end => end > 0n))
  const missing = filled.map(([topic]) => topic).filter(topic => !seen.has(topic))
  if (missing.length > 0) {
    problems.push(
      `${missing.length} topics are not in the lake yet: ${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ', …' : ''}; is \`binlake run\` running?`,
    )
  }
  const verified = await lastVerification({ duck: options.duck, lake })
  if (verified) problems.push(...verificationProblems(verified))
  return {
    tables,
    gold: await goldStatus(lake),
    snapshots: await runningSnapshots(options.duck, lake),
    problems,
    ...(verified ? { verified } : {}),
  }
}

/** A table that waits for its schema change does so for a moment as a rule. */
async function haltNow(lake: Lakehouse, name: TableName, now: Date): Promise<Halt | undefined> {
  const halt = isDebeziums(name) ? undefined : await haltOf(lake, name)
  return halt && waitingCodes.has(halt.code) && now.getTime() - Date.parse(halt.since) < patience ? undefined : halt
}

/** Bronze that is looked through for lost inserts: little, so that a look at the state stays one. */
function newestFiles({ files }: Snapshot): Add[] {
  return [...files.values()].sort((a, b) => b.modificationTime - a.modificationTime).slice(0, 3)
}

/** Records of the table's topics past what bronze holds. A topic that was created anew counts from its beginning. */
function lagOf(bronze: Snapshot, ends: EndOffsets): number {
  let lag = 0n
  for (const topic of new Set(topicsOf(bronze).map(held => held.topic))) {
    const end = ends.get(topic)
    for (const [partition, offset] of end?.partitions ?? [])
      lag += offset - (bronze.txns.get(offsetAppId(topic, end!.topicId, partition)) ?? 0n)
  }
  return Number(lag)
}

async function silverStatus(
  { lake, merge }: StatusOptions,
  name: TableName,
  { bronze, now }: { bronze: Snapshot; now: Date },
): Promise<SilverStatus | undefined> {
  const silver = await lake.current(tablePath('silver', name))
  if (!silver) return undefined
  const taken = takenBy(silver, bronze.metaData.id)
  const table = lake.table(tablePath('bronze', name))
  const behind = await commitsBehind(table, bronze, taken)
  return {
    ...factsOf(silver),
    behind,
    ...(await freshness(table, bronze, { taken, behind, now })),
    merge: merge && (await mergeIntervalOf(lake, name, merge)),
  }
}

async function quarantineStatus(
  { duck, lake, policy }: StatusOptions,
  name: TableName,
  schemas: SourceSchemas,
): Promise<TableStatus['quarantine']> {
  const { records } = await openRecords({ duck, lake }, name)
  const schema = policy && !isDebeziums(name) ? await schemas.get(name) : undefined
  const columns = schema ? compileMask(policy!.policy, schema, policy!.keys).quarantined.map(({ column }) => column) : []
  return { records, columns }
}

function problemsOf(
  { table, bronze, lag = 0, silver, halt, quarantine }: TableStatus,
  { now, refined }: { now: Date; refined: boolean },
): string[] {
  const still = (facts: TableFacts) => now.getTime() - Date.parse(facts.committed)
  const problems: string[] = []
  if (lag > 0 && still(bronze) > patience) {
    problems.push(
      `${table}: ${lag} records wait in Kafka and nothing came for ${seconds(still(bronze))}; is \`binlake run\` running?`,
    )
  }
  if (refined && !halt && !silver && still(bronze) > patience)
    problems.push(`${table}: it is in bronze but not in silver; does the policy name it?`)
  // A table whose merges rewrite much waits for long on purpose.
  const due = patience + (silver?.merge?.ms ?? 0)
  if (silver && !halt && silver.behind > 0 && still(silver) > due && (silver.late ?? still(bronze)) > due) {
    problems.push(
      `${table}: silver is ${silver.behind} commits behind bronze for ${seconds(still(silver))}; \`binlake run\` says why${held(still(silver))}`,
    )
  }
  if (quarantine.records > 0)
    problems.push(`${table}: ${quarantine.records} records could not be read; see \`binlake quarantine list ${table}\``)
  if (quarantine.columns.length > 0)
    problems.push(`${table}: no rule of the policy lets these columns through: ${quarantine.columns.join(', ')}`)
  return problems
}

async function goldStatus(lake: Lakehouse): Promise<LakeStatus['gold']> {
  const found: LakeStatus['gold'] = []
  for (const path of await tablePaths(lake.store, 'gold')) {
    const snapshot = await lake.current(path)
    if (snapshot) found.push({ table: path.slice('gold/'.length), ...factsOf(snapshot) })
  }
  return found
}

/** A silver that stands still for days holds up the clean-up of bronze's log, not for ever. */
function held(ms: number): string {
  return ms < day ? '' : "; bronze's log waits for it as long as `retention.wait`, then only `binlake replay` brings it on"
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`
}
