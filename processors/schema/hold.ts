// A held change keeps its table's silver waiting: rows from its place on, and whatever stands behind them in their partition, are not taken.
// Guarantee: a function of bronze's rows; the threshold is an offset, wherever steps were cut.
import type { Add } from '../../lake/actions.ts'
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { scan } from '../../lake/scan.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { join, type Sql, sql } from '../../lake/sql.ts'
import { topicsOf } from '../bronze-names.ts'
import type { SourceTable } from '../source-schema.ts'
import { type Waiting, waitingOf } from './built.ts'
import { isFrom } from './place.ts'

/** The bronze columns that a threshold is found by. */
const needed = ['_partition', '_offset', '_op', '_file', '_pos', '_gtid', '_source_ts']

export interface Hold {
  /** Empty: nothing waits. */
  waiting: readonly Waiting[]
  /** Of rows of bronze those that do not wait; the rows need `columns`. */
  before(rows: Sql): Sql
  /** Bronze's columns that `before` reads; none where nothing waits. */
  columns: readonly string[]
}

/** Where the table waits, with these files of bronze and with what its silver was told before. */
export async function holdIn(
  duck: Duck,
  { lake, schema }: { lake: Lakehouse; schema: SourceTable },
  { bronze, files, silver }: { bronze: Snapshot; files: readonly Add[]; silver: Snapshot | undefined },
): Promise<Hold> {
  const { timeline } = schema
  if (!timeline?.held) return { waiting: [], before: rows => rows, columns: [] }
  // Bronze from before topics had lives.
  const lives = bronze.fields.some(({ name }) => name === '_epoch') ? ['_epoch'] : []
  const life = lives.length > 0 ? sql`coalesce(_epoch, 0)` : sql`0`
  const rows = await scan(lake.table(tablePath('bronze', schema)), bronze, { files, columns: [...needed, ...lives] })
  const found = await duck.rows<Waiting>(sql`
    SELECT _partition AS partition, _first.epoch AS epoch, _first.at::VARCHAR AS "offset" FROM (
      SELECT _partition, min({'epoch': ${life}, 'at': _offset}) AS _first FROM ${rows}
      WHERE _op IS NOT NULL AND ${isFrom(timeline.held.from, timeline)} GROUP BY _partition)`)
  const all = [...waitingOf(silver), ...found]
  const waiting = [...new Set(all.map(({ partition }) => partition))]
    .sort((a, b) => a - b)
    .map(partition => all.filter(one => one.partition === partition).sort(earlier)[0]!)
  if (waiting.length === 0) return { waiting, before: rows => rows, columns: [] }
  const waits = waiting.map(
    ({ partition, epoch, offset }) => sql`(_partition = ${partition} AND (${life}, _offset) >= (${epoch}, ${BigInt(offset)}))`,
  )
  return {
    waiting,
    before: rows => sql`(SELECT * FROM ${rows} WHERE NOT (${join(waits, ' OR ')}))`,
    columns: ['_partition', '_offset', ...lives],
  }
}

function earlier(a: Waiting, b: Waiting): number {
  return a.epoch - b.epoch || (BigInt(a.offset) < BigInt(b.offset) ? -1 : 1)
}

/** Whether nothing more of bronze can be taken until the change is decided: all partitions wait. */
export function allWait(schema: SourceTable, silver: Snapshot | undefined, bronze: Snapshot): boolean {
  if (!schema.timeline?.held) return false
  const waiting = new Set(waitingOf(silver).map(({ partition }) => partition))
  return waiting.size > 0 && topicsOf(bronze).every(({ partition }) => waiting.has(partition))
}
