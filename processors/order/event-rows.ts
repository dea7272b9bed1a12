// Bronze rows as the order of changes sees them: with the epoch and the lineage of their place, and a `_tx_order` only where it can be trusted.
// Guarantee: a function of bronze's rows, its log's counts and the decisions about the table: the same however the rows are cut into steps.
import type { Add } from '../../lake/actions.ts'
import type { Duck } from '../../lake/duckdb.ts'
import { exactBounds } from '../../lake/exact-bounds.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { scan } from '../../lake/scan.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import type { TableName } from '../source-schema.ts'
import { unwrapped } from '../stage.ts'
import { type EpochDecision, epochDecisions, epochOfRow } from './epochs.ts'
import { lineageOfRow } from './lineage.ts'
import { trustsOrder } from './source-position.ts'

/** What bronze's own columns are read for each of ours. */
const madeOf = {
  _epoch: ['_epoch', '_partition', '_offset'],
  _lineage: ['_epoch', '_partition', '_offset'],
  _tx_order: ['_tx_order', '_version', '_op', '_value'],
  _content: ['_op', '_value'],
} as Record<string, readonly string[]>

export interface RowsOptions {
  bronze: Snapshot
  files: readonly Add[]
  /** Bronze's columns, `_epoch`, `_lineage`, `_tx_order` as said above, `_content`: what a row's change says it was and became. */
  columns: readonly string[]
  /** Narrows the rows before anything is made of them; needs these columns too. */
  among?: { rows: (rows: Sql) => Sql; columns: readonly string[] }
}

/** A parenthesised query over rows of bronze files. */
export async function eventRows(
  { duck, lake }: { duck: Duck; lake: Lakehouse },
  table: TableName,
  { bronze, files, columns, among }: RowsOptions,
): Promise<Sql> {
  const versions = versionsOf(files)
  const plain = versions?.every(version => trustsOrder(version)) ?? false
  const needed = (name: string) => (name === '_tx_order' && plain ? [name] : (madeOf[name] ?? [name]))
  const wanted = [...new Set([...columns.flatMap(needed), ...(among?.columns ?? [])])]
  const known = new Set(bronze.fields.map(({ name }) => name))
  const scanned = await scan(lake.table(tablePath('bronze', table)), bronze, {
    files,
    columns: wanted.filter(name => known.has(name)),
  })
  // Bronze from before there were epochs and versions.
  const missing = wanted
    .filter(name => !known.has(name))
    .map(name => sql`NULL::${name === '_epoch' ? sql`INTEGER` : sql`VARCHAR`} AS ${id(name)}`)
  const rows = missing.length === 0 ? scanned : sql`(SELECT *, ${join(missing)} FROM ${scanned})`
  const decisions = columns.includes('_epoch') ? await epochDecisions({ duck, lake }, table) : []
  return asEvents(among ? among.rows(rows) : rows, columns, { decisions, lineage: lineageOfRow(bronze), trusted: plain })
}

/** The same of rows that have all of bronze's columns. */
export function asEvents(
  rows: Sql,
  columns: readonly string[],
  { decisions, lineage = sql`0`, trusted = false }: { decisions: readonly EpochDecision[]; lineage?: Sql; trusted?: boolean },
): Sql {
  const made: Record<string, Sql> = {
    _epoch: epochOfRow(decisions),
    _lineage: lineage,
    _tx_order: trusted ? sql`_tx_order` : trustedOrder(),
    _content: content,
  }
  const list = columns.map(name => (made[name] ? sql`${made[name]} AS ${id(name)}` : id(name)))
  return sql`(SELECT ${join(list)} FROM ${rows})`
}

const content = sql`CASE WHEN _op IN ('c', 'u', 'd')
  THEN md5(array_to_string(list_transform(json_extract(${unwrapped(sql`_value`)}, ['$.before', '$.after']), lambda image: coalesce(image::VARCHAR, '')), chr(31))) END`

/** The connectors' versions if every file's statistics tell it; undefined: the rows must. */
function versionsOf(files: readonly Add[]): string[] | undefined {
  const versions = new Set<string>()
  for (const { stats } of files) {
    if (!stats?.includes('"_version"')) return undefined
    const { minValues = {}, maxValues = {} } = exactBounds(stats)
    if (minValues._version !== maxValues._version) return undefined
    // Without bounds all are NULL: tombstones.
    if (typeof minValues._version === 'string') versions.add(minValues._version)
  }
  return [...versions]
}

/** As `trustsOrder`. Rows from before there was `_version` have it in their value. */
function trustedOrder(): Sql {
  const version = sql`coalesce(_version, CASE WHEN _op IS NOT NULL THEN json_extract_string(${unwrapped(sql`_value`)}, '$.source.version') END)`
  const part = (nth: number) =>
    sql`coalesce(TRY_CAST(regexp_extract(split_part(${version}, '.', ${nth}), '^\\d+') AS INTEGER), 0)`
  return sql`CASE WHEN (${part(1)}, ${part(2)}, ${part(3)}) >= (3, 6, 1) THEN _tx_order END`
}
