// What a source table's three silver tables get of the changes that apply: history, then markers of deleted keys, then the current rows.
// Guarantee: the only description of it; a merge and a rebuild write the same columns, rows and properties.
import type { FailPoint } from '../lake/fail-point.ts'
import { tablePath } from '../lake/layout.ts'
import { type Field, field } from '../lake/schema.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { type Sql, sql } from '../lake/sql.ts'
import { boundsProperties } from '../lake/stats.ts'
import type { MaskPlan } from '../privacy/mask.ts'
import { masksOf } from './mask-record.ts'
import { copyFields, isMultiset } from './multiset/copies.ts'
import { placeOf } from './order/key-order.ts'
import { positionFields } from './own-columns.ts'
import { unchangedMark } from './snapshots/marks.ts'
import type { TableName } from './source-schema.ts'

/** A source table's three silver tables as they stand. */
export interface SilverTables {
  name: TableName
  key: readonly string[]
  current: Snapshot | undefined
  history: Snapshot | undefined
  /** Markers as of the bronze version that `current` has taken, which may be one commit back. */
  deleted: Snapshot | undefined
  /** The bronze version each has taken; -1 for none. */
  taken: { current: number; history: number; deleted: number }
  /** Properties that say under which schema the rows to come are made (schema/built.ts). */
  built?: Record<string, string>
}

export interface SilverPart {
  path: string
  /** The table's name in its own log. */
  name: string
  base: Snapshot | undefined
  /** The bronze version it has taken; -1 for none. */
  taken: number
  /** The columns of `rows`, in table order. The table may have more, of columns that the source has dropped. */
  wanted: Field[]
  /** What it gets: a query over temp table `applied`. */
  rows: Sql
  /** append: rows only come. merge: a row takes the place of the one with the same key. */
  mode: 'append' | 'merge'
  /** Columns whose bounds may stand in the log. */
  stats: string[]
  /** For a merge: the column of temp table `state` that says which file holds the row a key has now. */
  heldIn?: '_path' | '_marker_path'
  /** Reached once it is committed. */
  committed?: FailPoint
  configuration: Record<string, string>
}

export const paths = (name: TableName) => ({
  current: tablePath('silver', name),
  history: tablePath('silver', name, '_history'),
  deleted: tablePath('silver', name, '_deleted'),
})

const opField = field('_op', 'string')
/** How a snapshot brought the change: `true`, `last`, …, `incremental`, or `sweep`; NULL for a change of the stream. */
const snapshotField = field('_snapshot', 'string')
const historyFields = [opField, field('_seq', 'long')]

/** In the order in which they are committed: silver's own progress, which decides where to go on, comes last. */
export function silverParts(
  tables: SilverTables,
  mask: MaskPlan,
): [history: SilverPart, deleted: SilverPart, current: SilverPart] {
  const at = paths(tables.name)
  const several = isMultiset(tables.key)
  const own = [...mask.columns.map(({ name, delta }) => field(name, delta)), ...(several ? copyFields : [])]
  const keyStats = mask.columns.filter(({ name, inLog }) => inLog && tables.key.includes(name)).map(({ name }) => name)
  const configuration = {
    'cdc.primaryKey': JSON.stringify(tables.key),
    'binlake.policy': mask.fingerprint,
    'binlake.masks': masksOf(mask),
    ...tables.built,
    ...boundsProperties([...keyStats, '_offset']),
  }
  const part = (
    which: keyof typeof at,
    rest: Pick<SilverPart, 'wanted' | 'rows' | 'mode' | 'stats' | 'heldIn' | 'committed'>,
  ): SilverPart => ({
    path: at[which],
    name: at[which].slice(at[which].lastIndexOf('/') + 1),
    base: tables[which],
    taken: tables.taken[which],
    configuration,
    ...rest,
  })
  return [
    part('history', {
      wanted: [...own, ...historyFields, ...positionFields, snapshotField],
      rows: sql`SELECT * REPLACE (nullif(_snapshot, 'false') AS _snapshot), ${placeOf(sql`coalesce(_epoch, 0)`, sql`_offset`)} AS _seq FROM applied WHERE _snapshot IS DISTINCT FROM ${unchangedMark} ${several ? sql`AND _copy > 0` : sql``}`,
      mode: 'append',
      stats: [],
      committed: 'merge:history-committed',
    }),
    part('deleted', {
      wanted: [...own.filter(({ name }) => tables.key.includes(name)), ...positionFields, opField],
      rows: sql`SELECT * FROM applied WHERE _winner AND _op IN ('d', 't')`,
      mode: 'merge',
      stats: keyStats,
      heldIn: '_marker_path',
      committed: 'merge:markers-committed',
    }),
    part('current', {
      wanted: [...own, opField, ...positionFields],
      rows: sql`SELECT * FROM applied WHERE _winner AND _op NOT IN ('d', 't')`,
      mode: 'merge',
      stats: keyStats,
      heldIn: '_path',
    }),
  ]
}
