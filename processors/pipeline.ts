// The straight line: Kafka -> stage -> bronze -> collapse -> mask -> silver -> gold. Open this first.
// Guarantee: the lake's commits are the only acknowledgement; stopped anywhere, the next run goes on where the lake is.
import type { Logger } from 'pino'
import type { ObjectStore } from '../connectors/object-store.ts'
import type { LakeOffsets, Source } from '../connectors/source.ts'
import type { Duck } from '../lake/duckdb.ts'
import { Lakehouse } from '../lake/lakehouse.ts'
import { tablePath } from '../lake/layout.ts'
import type { Keys } from '../privacy/keys.ts'
import type { Policy } from '../privacy/policy.ts'
import type { GoldModel } from '../sql/gold-models.ts'
import { appendBronze, heldOffsets } from './bronze.ts'
import { topicsOf } from './bronze-names.ts'
import { type GtidOrder, settleGtidOrder } from './gtid-order.ts'
import type { Halted } from './halts.ts'
import { Checkpoints } from './maintenance/checkpoints.ts'
import { Maintenance } from './maintenance/maintenance.ts'
import type { MaintenanceSettings } from './maintenance/maintenance-rounds.ts'
import { retentionProperties } from './maintenance/retention.ts'
import type { MergeRules } from './merge-interval.ts'
import { Refinery } from './refinery.ts'
import { endsWithSchemas } from './schema/arrivals.ts'
import type { Modes } from './schema/kinds.ts'
import type { SourceTable, TableName } from './source-schema.ts'
import type { WholeTransactions } from './transactions/whole-transactions.ts'

export interface PipelineOptions {
  duck: Duck
  store: ObjectStore
  source: Source
  policy: Policy
  keys: Keys
  gold: readonly GoldModel[]
  /** Gold shows whole transactions of the source only; absent: silver as it is. */
  transactions?: WholeTransactions
  /** Debezium's topic.prefix. */
  topicPrefix: string
  /** Debezium's notification topic; default `<prefix>-notifications`. */
  notificationsTopic?: string
  /** Debezium's signal topic; default `<prefix>-signals`. */
  signalsTopic?: string
  log: Logger
  /** Ends the run cleanly: what is being committed is finished, nothing new is begun. */
  signal: AbortSignal
  /** Ends the run once everything that Kafka held at its start is in silver and gold. */
  untilCaughtUp: boolean
  /** Bronze rows a silver step takes at most; bounds memory. */
  maxRows: number
  /** How long a table waits between two merges. */
  merge: MergeRules
  /** How many records of a table may wait in quarantine before its silver stops; absent: any number. */
  quarantineBudget?: number
  /** What is done about changes of tables' schemas; absent: by default. */
  schemaModes?: Modes
  /** Whether GTIDs tell the order of transactions; absent: as the lake was told before. */
  gtids?: GtidOrder
  /** Reads a table's schema from the source itself, where no schema change tells it. */
  readSchema?: (name: TableName) => Promise<SourceTable | undefined>
  /** Compaction, log clean-up and vacuum beside the line; absent: none. */
  maintenance?: MaintenanceSettings
  onProgress?: (progress: Progress) => void
}

export interface Progress {
  /** Records appended to bronze by this run. */
  records: number
  /** Of these, set aside in quarantine. */
  quarantined: number
  /** Changes applied to silver by this run. */
  changes: number
}

export interface RunSummary extends Progress {
  /** Tables whose silver stands still, with the reason. */
  halted: Halted[]
}

/** Runs the line until the signal, or until caught up. Throws what stops all tables; what stops one is in the summary. */
export async function run(options: PipelineOptions): Promise<RunSummary> {
  const { source, log } = options
  // Without this, a run that waits for Kafka would not notice that silver has failed.
  const broken = new AbortController()
  const signal = AbortSignal.any([options.signal, broken.signal])
  const progress: Progress = { records: 0, quarantined: 0, changes: 0 }
  await using duck = await options.duck.fork()
  await using refineryDuck = await options.duck.fork()
  await using checkpointDuck = await options.duck.fork()
  const checkpoints = new Checkpoints(checkpointDuck, log)
  const lake = new Lakehouse(options.store, (table, snapshot) => checkpoints.consider(table, snapshot))
  if (options.gtids) await settleGtidOrder({ duck, lake }, options.gtids)
  const until = options.untilCaughtUp ? await endsWithSchemas(source, options.topicPrefix) : undefined
  const tables = await topicsInLake(lake)
  const properties = options.maintenance ? { properties: retentionProperties(options.maintenance.retentions.bronze) } : {}
  const ingest = { duck, lake, log, topicPrefix: options.topicPrefix, ...ownTopics(options), tables, ...properties }
  const owns = (name: TableName) => topicsOfTable(tables, name).every(topic => source.owns(topic))
  const refinery = new Refinery({
    ...options,
    duck: refineryDuck,
    lake,
    catchingUp: options.untilCaughtUp,
    ends: () => source.ends(),
    until,
    owns,
    onFailure: () => broken.abort(),
    onChanges: count => {
      progress.changes += count
      options.onProgress?.(progress)
    },
  })
  for (const name of tables.values()) refinery.wake(name)
  const maintenance = options.maintenance
    ? new Maintenance({
        ...options.maintenance,
        lake,
        log,
        owns,
        onBronze: name => refinery.wake(name),
        onFailure: () => broken.abort(),
      })
    : undefined

  try {
    for (let retries = 0; ; retries++) {
      try {
        for await (const batch of source.batches(offsetsIn(lake, tables), until ? { signal, until } : { signal })) {
          for (const topic of batch.topics) {
            const appended = await appendBronze(ingest, topic)
            progress.records += appended.records
            progress.quarantined += appended.quarantined
            refinery.wake(appended.table, appended.records)
          }
          await batch.release()
          options.onProgress?.(progress)
          retries = 0
        }
        break
      } catch (error) {
        if (!anotherWasThere(error) || retries === maxRetries) throw error
        log.info({ code: error.code }, 'the lake has moved on without this worker; reading again from its offsets')
      }
    }
  } finally {
    try {
      await maintenance?.stop()
    } finally {
      await refinery.stop({ finish: options.untilCaughtUp && !options.signal.aborted })
      await checkpoints.finish()
    }
  }
  return { ...progress, halted: refinery.halted }
}

/** Without a batch of its own in between. */
const maxRetries = 10

/** After a rebalance two workers may hold the same records for a moment; or a commit of our own landed though its answer was lost. */
function anotherWasThere(error: unknown): error is Error & { code: string } {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'BRONZE_GAP' || code === 'LAKE_FENCED' || code === 'LAKE_CONFLICT' || code === 'LAKE_COMMIT_UNKNOWN'
}

/** Which table each topic's bronze is in, as the lake's own offsets tell. */
async function topicsInLake(lake: Lakehouse): Promise<Map<string, TableName>> {
  const bronze = await lake.bronzeTables()
  return new Map(bronze.flatMap(({ name, snapshot }) => topicsOf(snapshot).map(({ topic }) => [topic, name] as const)))
}

function ownTopics({ notificationsTopic, signalsTopic }: PipelineOptions) {
  return { ...(notificationsTopic ? { notificationsTopic } : {}), ...(signalsTopic ? { signalsTopic } : {}) }
}

function topicsOfTable(tables: ReadonlyMap<string, TableName>, name: TableName): string[] {
  return [...tables].filter(([, held]) => held.database === name.database && held.table === name.table).map(([topic]) => topic)
}

/** The lake owns the offsets: a partition goes on where bronze's last commit ended. */
function offsetsIn(lake: Lakehouse, tables: ReadonlyMap<string, TableName>): LakeOffsets {
  return async (topic, topicId) => {
    const name = tables.get(topic)
    const snapshot = name && (await lake.current(tablePath('bronze', name)))
    return snapshot ? heldOffsets(snapshot, topic, topicId) : new Map()
  }
}
