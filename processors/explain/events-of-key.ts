// The bronze events of one key in the order in which the line looks at them, each with its verdict and why.
// Guarantee: what was applied is read from what the line applied, not decided here.
import type { Duck } from '../../lake/duckdb.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import type { Way } from '../apply.ts'
import { eventRows } from '../order/event-rows.ts'
import type { EventsOfKeys } from '../order/events-of-keys.ts'
import { identityColumns } from '../order/identity.ts'
import { mendsOf, placesOf } from '../quarantine/mends.ts'
import { sweptMark, unchangedMark } from '../snapshots/marks.ts'
import { type Candidate, type Judged, judge } from './verdicts.ts'

export interface ExplainedEvent extends Judged {
  topic: string
  partition: number
  offset: bigint
  /** Kafka's timestamp. */
  kafkaTs: Date
  /** `c`, `u`, `d`, `r`, `t`; `tombstone`; `sweep` for a deletion that a full snapshot brought about. */
  op: string
  sourceTs: Date | null
  file: string | null
  pos: bigint | null
  row: number | null
  gtid: string | null
  txOrder: bigint | null
  snapshot: string | null
  epoch: number
  lineage: number
  /** Silver has not taken it yet. */
  waits: boolean
  /** Bronze's own text; only if it was asked for. */
  value?: string | null
}

export interface EventsOptions {
  bronze: Snapshot
  only: EventsOfKeys
  values: boolean
  /** The line stops at one of them. */
  halted: boolean
  /** The topic has several partitions: then the time of arrival is the order. */
  several: boolean
  /** The next offset that silver has not taken, by partition, in the newest life; undefined: it has taken all. */
  taken: ReadonlyMap<number, bigint> | undefined
}

const columns = ['_topic', '_kafka_ts', ...identityColumns, '_snapshot', '_lineage', '_headers', '_value']

interface Row {
  topic: string
  partition: number
  offset: bigint
  kafka_ts: Date
  op: string | null
  source_ts: Date | null
  source_us: bigint | null
  file: string | null
  pos: bigint | null
  row: number | null
  gtid: string | null
  tx_order: bigint | null
  snapshot: string | null
  epoch: number
  lineage: number
  applied: boolean
  unchanged: boolean
  bad: boolean
  typed: boolean
  how: 'mended' | 'corrected' | 'dropped' | null
  content: string | null
  swept: boolean
  value: string | null
}

/** Of the key in temp table `asked_keys`, after `explained` (places applied) and `explained_changes` (places that came so far) were made. */
export async function eventsOf(duck: Duck, way: Way, options: EventsOptions): Promise<ExplainedEvent[]> {
  const { bronze, only, values, halted, several } = options
  const places = (known: boolean) => ({
    columns: ['_epoch', '_partition', '_offset'],
    rows: (raw: Sql) => sql`(SELECT raw.* FROM ${raw} AS raw SEMI JOIN (SELECT * FROM key_places WHERE _known = ${known}) AS place
      ON raw._partition = place._partition AND raw._offset = place._offset AND coalesce(raw._epoch, 0) = place._life)`,
  })
  const at = { duck, lake: way.lake }
  const rows = async (known: boolean) =>
    sql`SELECT *, ${known} AS known FROM ${await eventRows(at, way.schema, { bronze, files: only.files, columns, among: places(known) })}`
  const mends = placesOf(await mendsOf(duck, way.lake, way.schema))
  const key = join(way.mask.primaryKey.map(name => id(name)))
  const order = several ? sql`epoch, arrived, partition, "offset"` : sql`epoch, "offset", swept`
  const found = await duck.rows<Row>(sql`
    WITH own AS (
      ${await rows(true)} UNION ALL ${await rows(false)}
    ), said AS (
      SELECT own._epoch, own._partition, own._offset, own._headers, arg_max(place._how, place._nth) AS how, arg_max(place._id, place._nth) AS mend
      FROM own JOIN ${mends} AS place ON own._topic = place._topic AND own._partition = place._partition AND own._offset BETWEEN place._from AND place._to
      GROUP BY ALL
    )
    SELECT own._topic AS topic, own._partition AS partition, own._offset AS "offset", own._kafka_ts AS kafka_ts, own._ingested_at AS arrived, own._op AS op,
      own._source_ts AS source_ts, epoch_us(own._source_ts) AS source_us, own._file AS file, own._pos AS pos, own._row AS row, own._gtid AS gtid,
      own._tx_order AS tx_order, own._snapshot AS snapshot, own._epoch AS epoch, own._lineage AS lineage, own._content AS content, false AS swept,
      a._offset IS NOT NULL AS applied, coalesce(a._unchanged, false) AS unchanged, coalesce(c._bad, false) AS bad, c._offset IS NOT NULL AS typed,
      CASE WHEN said.how = 'corrected' AND contains(coalesce(own._headers, ''), said.mend) THEN 'mended' ELSE said.how END AS how,
      ${values ? sql`own._value` : sql`NULL::VARCHAR`} AS value
    FROM own
    LEFT JOIN (SELECT _epoch, _partition, _offset, bool_or(_snapshot IS NOT DISTINCT FROM ${unchangedMark}) AS _unchanged
      FROM explained WHERE _snapshot IS DISTINCT FROM ${sweptMark} GROUP BY ALL) AS a USING (_epoch, _partition, _offset)
    LEFT JOIN (SELECT _epoch, _partition, _offset, bool_or(_bad) AS _bad FROM explained_changes GROUP BY ALL) AS c USING (_epoch, _partition, _offset)
    LEFT JOIN said ON own._epoch = said._epoch AND own._partition = said._partition AND own._offset = said._offset AND own._headers IS NOT DISTINCT FROM said._headers
    WHERE own.known OR c._offset IS NOT NULL OR own._op = 't'
    UNION ALL
    SELECT NULL, _partition, _offset, _source_ts, NULL, 'd', _source_ts, epoch_us(_source_ts), NULL, NULL, NULL, NULL, NULL, _snapshot, _epoch, _lineage, NULL, true, true, false, false, true, NULL, NULL
    FROM explained SEMI JOIN asked_keys USING (${key}) WHERE _snapshot = ${sweptMark}
    ORDER BY ${order}`)
  const unordered = way.schema.timeline?.unordered ?? false
  const judged = judge(
    found.map(row => ({ ...candidate(row), unordered })),
    { halted },
  )
  return found.map((row, nth) => ({ ...shown(row, options), ...judged[nth]! }))
}

function candidate(row: Row): Candidate {
  const aside =
    row.how === 'corrected'
      ? ('REPLACED' as const)
      : row.how === 'dropped'
        ? ('GIVEN UP' as const)
        : row.bad
          ? ('QUARANTINED' as const)
          : undefined
  return {
    op: row.op,
    file: row.file,
    pos: row.pos,
    row: row.row,
    gtid: row.gtid,
    txOrder: row.tx_order,
    lineage: row.lineage,
    epoch: row.epoch,
    partition: row.partition,
    offset: row.offset,
    sourceTs: row.source_us ?? 0n,
    snapshot: row.snapshot,
    content: row.content,
    applied: row.applied || row.swept,
    swept: row.swept,
    unchanged: row.unchanged,
    ...(aside && !row.applied ? { aside } : {}),
  }
}

function shown(row: Row, { values, taken }: EventsOptions): Omit<ExplainedEvent, keyof Judged> {
  const next = taken?.get(row.partition)
  return {
    topic: row.topic ?? '',
    partition: row.partition,
    offset: row.offset,
    kafkaTs: row.kafka_ts,
    op: row.swept ? 'sweep' : (row.op ?? 'tombstone'),
    sourceTs: row.source_ts,
    file: row.file,
    pos: row.pos,
    row: row.row,
    gtid: row.gtid,
    txOrder: row.tx_order,
    snapshot: row.swept ? null : row.snapshot,
    epoch: row.epoch,
    lineage: row.lineage,
    waits: taken !== undefined && (next === undefined || row.offset >= next),
    ...(values ? { value: row.value } : {}),
  }
}
