// Bronze: every record once, verbatim, in one Delta commit with the offsets that follow it; a partition is a day of ingestion (UTC).
// Guarantee: a record is in the lake if and only if the committed offset of its partition is past it, whatever crashes.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { TopicBatch } from '../connectors/source.ts'
import type { Add } from '../lake/actions.ts'
import { commit } from '../lake/commit.ts'
import type { Duck } from '../lake/duckdb.ts'
import { LakeError } from '../lake/lake-error.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { tablePath } from '../lake/layout.ts'
import { type Field, field } from '../lake/schema.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { boundsProperties } from '../lake/stats.ts'
import { writeFile } from '../lake/write.ts'
import {
  arrivalAppId,
  lifeAppId,
  livesBefore,
  notifications,
  offsetAppId,
  schemaChanges,
  signals,
  transactions,
} from './bronze-names.ts'
import { isDataError } from './data-error.ts'
import { followBinlog } from './order/follow-binlog.ts'
import { noteTruncates } from './order/note-truncates.ts'
import { quarantine, quarantineSpooled } from './quarantine.ts'
import type { TableName } from './source-schema.ts'
import { type EventKind, isolate, pendingLines, type Staged, type StageOptions, stage, tableOf } from './stage.ts'

/** The next offset in the lake is before this batch's first: records between would be missing. */
export class BronzeGap extends Error {
  readonly code = 'BRONZE_GAP'
  readonly retryable = true
}

/** The UTC date of `_ingested_at`, the same for a whole batch: what bronze is partitioned by. */
export const ingestDate = field('_ingest_date', 'date')

/**
 * Tables that were made before there was `ingestDate` go on without it, unpartitioned. `_epoch` counts the lives that the topic had before
 * (NULL in older rows: 0), `_version` is the connector's.
 */
export const bronzeFields: Field[] = [
  field('_topic', 'string'),
  field('_partition', 'integer'),
  field('_offset', 'long'),
  field('_kafka_ts', 'timestamp'),
  field('_ingested_at', 'timestamp'),
  field('_op', 'string'),
  field('_source_ts', 'timestamp'),
  field('_file', 'string'),
  field('_pos', 'long'),
  field('_row', 'integer'),
  field('_gtid', 'string'),
  field('_tx_order', 'long'),
  field('_snapshot', 'string'),
  field('_headers', 'string'),
  field('_key', 'string'),
  field('_value', 'string'),
  field('_epoch', 'integer'),
  field('_version', 'string'),
  ingestDate,
]

/** Positions are no personal data; their bounds keep a table's files in order, and let readers skip some. */
export const bounded = ['_partition', '_offset', '_kafka_ts', '_source_ts', '_file', '_version']

/** Raw JSON parses in parallel by row group, so small ones keep both cores busy. */
export const rowGroupSize = 24_576

export interface Ingest {
  duck: Duck
  lake: Lakehouse
  log: Logger
  topicPrefix: string
  /** Debezium's notification topic; default `<prefix>-notifications`. */
  notificationsTopic?: string
  /** Debezium's signal topic; default `<prefix>-signals`. */
  signalsTopic?: string
  /** Where a topic's rows go, once known. Filled here. */
  tables: Map<string, TableName>
  /** Properties of a table that is made. */
  properties?: Record<string, string>
}

/** What one append did. */
export interface Appended {
  table: TableName
  /** Records of the batch, 0 if the lake held them all. */
  records: number
  /** Of these, set aside. */
  quarantined: number
}

const tries = 10

/** Appends one topic's batch. Throws BronzeGap, and what the lake and the store throw. */
export async function appendBronze(ingest: Ingest, batch: TopicBatch): Promise<Appended> {
  for (let nth = 1; ; nth++) {
    try {
      return await append(ingest, batch)
    } catch (error) {
      // Another worker has brought other partitions meanwhile, or the same: the next try sees which.
      if (!(error instanceof LakeError && error.code === 'LAKE_FENCED') || nth === tries) throw error
      await sleep(Math.random() * 50 * nth)
    }
  }
}

async function append(ingest: Ingest, batch: TopicBatch): Promise<Appended> {
  const kind = kindOf(batch.topic, ingest)
  const table = ingest.tables.get(batch.topic) ?? (await identify(ingest, batch, kind))
  ingest.tables.set(batch.topic, table)
  const path = tablePath('bronze', table)
  const base = await ingest.lake.current(path)
  const from = resumeFrom(batch, base)
  if (from === undefined) return { table, records: 0, quarantined: 0 }
  const shape = shapeOf(base)
  const epoch = livesBefore(base, batch.topic, batch.topicId)
  const options = { table, pending: pendingLines(from), ingestedAt: arrivalAfter(base), epoch }
  const { add, staged } = await writeRows(ingest, batch, kind, { path, shape, ...options })
  const quarantined = await setAside(ingest, batch, staged, from)
  const written = { table, path, base, batch, add: add! }
  const noted = kind === 'row' && add ? [...(await followBinlog(ingest, written)), ...(await noteTruncates(ingest, written))] : []
  const snapshot = await commit(ingest.lake.table(path), {
    base,
    mode: 'append',
    operation: 'STREAMING UPDATE',
    metaData: {
      ...shape,
      name: table.table,
      ...(base ? {} : { configuration: { ...boundsProperties(bounded), ...ingest.properties } }),
    },
    txns: [
      ...[...batch.ranges].map(([partition, { to }]) => ({
        appId: offsetAppId(batch.topic, batch.topicId, partition),
        version: to,
      })),
      ...(epoch > 0 ? [{ appId: lifeAppId(batch.topic, batch.topicId), version: BigInt(epoch) }] : []),
      { appId: arrivalAppId, version: BigInt(options.ingestedAt.getTime()) },
      ...noted,
    ],
    adds: add ? [add] : [],
  })
  ingest.lake.committed(path, snapshot)
  return { table, records: batch.records + batch.poison.length, quarantined }
}

/**
 * When a batch came into bronze: now, but later than all before it, whatever the clocks of other workers say. Silver takes commits in their order, a rebuild
 * takes rows by this time, and between partitions the two must be one order.
 */
function arrivalAfter(base: Snapshot | undefined): Date {
  return new Date(Math.max(Date.now(), Number(base?.txns.get(arrivalAppId) ?? -1n) + 1))
}

/** The next offsets the lake holds of a topic, by partition; empty when it has none. */
export function heldOffsets(snapshot: Snapshot, topic: string, topicId: string): Map<number, bigint> {
  const prefix = offsetAppId(topic, topicId, 0).slice(0, -1)
  return new Map(
    [...snapshot.txns]
      .filter(([appId]) => appId.startsWith(prefix))
      .map(([appId, version]) => [Number(appId.slice(prefix.length)), version]),
  )
}

interface Shape {
  fields: Field[]
  partitionColumns: string[]
}

function shapeOf(base: Snapshot | undefined): Shape {
  const partitioned = base === undefined || base.metaData.partitionColumns.includes(ingestDate.name)
  return partitioned
    ? { fields: bronzeFields, partitionColumns: [ingestDate.name] }
    : { fields: bronzeFields.filter(column => column !== ingestDate), partitionColumns: base.metaData.partitionColumns }
}

function kindOf(
  topic: string,
  { topicPrefix: prefix, notificationsTopic = `${prefix}-notifications`, signalsTopic = `${prefix}-signals` }: Ingest,
): EventKind {
  if (topic === notificationsTopic) return 'notification'
  if (topic === signalsTopic) return 'signal'
  if (topic === prefix) return 'schema change'
  return topic === `${prefix}.transaction` ? 'transaction' : 'row'
}

/** The table inside the events; when not one can be read, the topic's name must do: its records are all poison. */
async function identify({ duck, topicPrefix }: Ingest, batch: TopicBatch, kind: EventKind): Promise<TableName> {
  if (kind === 'schema change') return schemaChanges
  if (kind === 'transaction') return transactions
  if (kind === 'notification') return notifications
  if (kind === 'signal') return signals
  const named = await tableOf(duck, batch)
  if (named) return named
  const [database = '', ...table] = batch.topic.slice(topicPrefix.length + 1).split('.')
  return { database, table: table.join('.') || database }
}

/**
 * Where each partition goes on: normally the batch's first offset. After a rebalance the lake may be ahead, then the lines before are left out.
 * Undefined: the lake holds all of it.
 */
function resumeFrom(batch: TopicBatch, base: Snapshot | undefined): Map<number, bigint> | undefined {
  const from = new Map<number, bigint>()
  let pending = false
  for (const [partition, range] of batch.ranges) {
    const held = base?.txns.get(offsetAppId(batch.topic, batch.topicId, partition)) ?? range.from
    if (held < range.from) {
      throw new BronzeGap(
        `topic ${batch.topic}, partition ${partition}: the lake ends at offset ${held}, the batch starts at ${range.from}; reading again from the lake's offset`,
      )
    }
    from.set(partition, held)
    pending ||= held < range.to
  }
  return pending ? from : undefined
}

async function writeRows(
  ingest: Ingest,
  batch: TopicBatch,
  kind: EventKind,
  options: StageOptions & { path: string; shape: Shape },
): Promise<{ add: Add | undefined; staged: Staged | undefined }> {
  if (batch.records === 0) return { add: undefined, staged: undefined }
  const { fields, partitionColumns } = options.shape
  const write = (staged: Staged) =>
    writeFile(ingest.duck, ingest.lake.table(options.path), {
      select: staged.rows,
      fields,
      stats: bounded,
      rowGroupSize,
      partition: Object.fromEntries(partitionColumns.map(name => [name, options.ingestedAt.toISOString().slice(0, 10)])),
    })
  const staged = stage(batch, kind, options)
  try {
    return { add: await write(staged), staged }
  } catch (error) {
    if (!isDataError(error)) throw error
    ingest.log.warn({ topic: batch.topic, records: batch.records }, 'a batch holds records that cannot be read; looking for them')
    const isolated = await isolate(ingest.duck, batch, kind, options)
    return { add: await write(isolated), staged: isolated }
  }
}

/** Poison goes to quarantine before the offsets move past it; a repeated write is recognised by its offsets. */
async function setAside(
  ingest: Ingest,
  batch: TopicBatch,
  staged: Staged | undefined,
  from: ReadonlyMap<number, bigint>,
): Promise<number> {
  const table = ingest.tables.get(batch.topic)!
  const spooled = batch.poison.filter(record => record.offset >= (from.get(record.partition) ?? 0n))
  const offsets = { topic: batch.topic, topicId: batch.topicId, ranges: batch.ranges }
  let count = 0
  if (staged?.poison) count += await quarantine(ingest, table, { rows: staged.poison, offsets, step: 'stage' })
  if (spooled.length > 0) count += await quarantineSpooled(ingest, table, { records: spooled, offsets })
  if (count > 0)
    ingest.log.warn(
      { topic: batch.topic, table: `${table.database}.${table.table}`, records: count },
      'records set aside in quarantine',
    )
  return count
}
