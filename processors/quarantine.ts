// Quarantine: what no step could read, with its offset, its reason and its original bytes, in a zone of its own.
// Guarantee: set aside once, even if the step that does it is repeated after a crash.
import type { OffsetRange, PoisonRecord } from '../connectors/source.ts'
import { commit } from '../lake/commit.ts'
import type { Duck } from '../lake/duckdb.ts'
import { rowsIn } from '../lake/facts.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { tablePath } from '../lake/layout.ts'
import { scan } from '../lake/scan.ts'
import { field } from '../lake/schema.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { id, join, type Sql, sql } from '../lake/sql.ts'
import { boundsProperties } from '../lake/stats.ts'
import { writeFile } from '../lake/write.ts'
import { offsetAppId } from './bronze-names.ts'
import type { TableName } from './source-schema.ts'

export const quarantineFields = [
  field('_topic', 'string'),
  field('_partition', 'integer'),
  field('_offset', 'long'),
  field('_kafka_ts', 'timestamp'),
  field('_reason', 'string'),
  field('_key', 'binary'),
  field('_value', 'binary'),
  // The step that set it aside, and since when; tables of before have them not.
  field('_step', 'string'),
  field('_set_aside', 'timestamp'),
  // The life of the topic, as Kafka names it; where silver set aside what is in bronze, as bronze counts it.
  field('_topic_id', 'string'),
  field('_life', 'integer'),
  // Null as long as a person has done nothing about it; then how it was settled, when, and why.
  field('_settled', 'string'),
  field('_settled_at', 'timestamp'),
  field('_because', 'string'),
]

/** Where a record could not be read: as bytes, as an event, or as a row of its table (then it is in bronze). */
export type QuarantineStep = 'spool' | 'stage' | 'silver'

export interface QuarantineOffsets {
  topic: string
  topicId: string
  ranges: ReadonlyMap<number, OffsetRange>
}

/** Appends rows `_partition, _offset, _kafka_ts, _reason, _key, _value`, of step silver also `_life`; returns how many. `step` keeps the progress of different steps apart. */
export async function quarantine(
  { duck, lake }: { duck: Duck; lake: Lakehouse },
  table: TableName,
  options: { rows: Sql; offsets: QuarantineOffsets; step: QuarantineStep },
): Promise<number> {
  const { topic, topicId, ranges } = options.offsets
  const path = tablePath('quarantine', table)
  const base = await lake.current(path)
  const appId = (partition: number) => `${options.step}:${offsetAppId(topic, topicId, partition)}`
  const named = options.step === 'silver' ? null : topicId
  const life = options.step === 'silver' ? sql`` : sql`, NULL::INTEGER AS _life`
  const rows = sql`SELECT ${topic} AS _topic, * ${life}, ${options.step} AS _step, ${new Date().toISOString()}::TIMESTAMPTZ AS _set_aside,
    ${named}::VARCHAR AS _topic_id, NULL::VARCHAR AS _settled, NULL::TIMESTAMPTZ AS _settled_at, NULL::VARCHAR AS _because FROM (${options.rows})`
  if (options.step === 'silver') return appendNew({ duck, lake }, { path, base, rows, name: table.table })
  const held = join(
    [...ranges.keys()].map(
      partition => sql`NOT (_partition = ${partition} AND _offset < ${base?.txns.get(appId(partition)) ?? 0n})`,
    ),
    ' AND ',
  )
  const select = sql`SELECT * FROM (${rows}) WHERE ${held}`
  const add = await writeFile(duck, lake.table(path), { select, fields: quarantineFields })
  if (!add) return 0
  const txns = [...ranges].map(([partition, { to }]) => ({ appId: appId(partition), version: to }))
  lake.committed(
    path,
    await commit(lake.table(path), {
      base,
      mode: 'append',
      operation: 'STREAMING UPDATE',
      metaData: { fields: quarantineFields, name: table.table, configuration: boundsProperties([]) },
      txns,
      adds: [add],
    }),
  )
  return rowsIn(add) ?? 0
}

/** Silver looks at a record again whenever it is rebuilt, maybe with other eyes: what counts is whether the record is there already. */
async function appendNew(
  { duck, lake }: { duck: Duck; lake: Lakehouse },
  { path, base, rows, name }: { path: string; base: Snapshot | undefined; rows: Sql; name: string },
): Promise<number> {
  // What was mended must fit: if it does not after all, it is set aside again.
  const settled = base?.fields.some(({ name }) => name === '_settled') ? ['_settled'] : []
  const held = settled.length > 0 ? sql`WHERE _settled IS DISTINCT FROM 'mended'` : sql``
  const columns = ['_topic', '_partition', '_offset', '_reason', ...settled]
  const life = base?.fields.some(({ name: column }) => column === '_life') ? ['_life'] : []
  const known = base
    ? sql`ANTI JOIN (SELECT * FROM ${await scan(lake.table(path), base, { columns: [...columns, ...life] })} ${held}) AS known
        ON ${join(
          ['_topic', '_partition', '_offset', '_reason'].map(column => sql`known.${id(column)} = found.${id(column)}`),
          ' AND ',
        )}
          AND ${life.length > 0 ? sql`coalesce(known._life, 0)` : sql`0`} = found._life`
    : sql``
  const add = await writeFile(duck, lake.table(path), {
    select: sql`SELECT * FROM (${rows}) AS found ${known}`,
    fields: quarantineFields,
  })
  if (!add) return 0
  const metaData = { fields: quarantineFields, name, configuration: boundsProperties([]) }
  lake.committed(
    path,
    await commit(lake.table(path), { base, mode: 'append', operation: 'STREAMING UPDATE', metaData, adds: [add] }),
  )
  return rowsIn(add) ?? 0
}

/** The same for records that could not even stand on a spool line. */
export async function quarantineSpooled(
  place: { duck: Duck; lake: Lakehouse },
  table: TableName,
  { records, offsets }: { records: readonly PoisonRecord[]; offsets: QuarantineOffsets },
): Promise<number> {
  const rows = records.map(
    record =>
      sql`(${record.partition}, ${record.offset}, make_timestamptz(${record.timestamp} * 1000), ${record.reason}, ${blob(record.key)}, ${blob(record.value)})`,
  )
  return quarantine(place, table, {
    rows: sql`SELECT * FROM (VALUES ${join(rows)}) AS t(_partition, _offset, _kafka_ts, _reason, _key, _value)`,
    offsets,
    step: 'spool',
  })
}

function blob(bytes: Buffer | null): Sql {
  return bytes === null ? sql`NULL::BLOB` : sql`unhex(${bytes.toString('hex')})`
}
