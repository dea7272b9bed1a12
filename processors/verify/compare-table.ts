// One comparison of one table: the source's rows at its view, silver as it was there, ranges first, then the rows of differing ranges.
// Guarantee: «equal» means every row and every column; a key is named by a token, never by its value.
import { mkdir, rm } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import type { RowKeys, SourceRows } from '../../connectors/source-rows.ts'
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import type { Keys } from '../../privacy/keys.ts'
import type { MaskPlan } from '../../privacy/mask.ts'
import type { Cut } from '../../sql/derived.ts'
import { compareRows, type RowComparison, ranges } from '../replay/compare-rows.ts'
import { tokenKey } from '../replay/key-token.ts'
import type { SourceTable } from '../source-schema.ts'
import { silverAt } from './silver-at.ts'
import { spoolSource } from './spool-source.ts'
import { emptyVerdict, type TableVerdict } from './verdict.ts'
import { type Compare, compareOf } from './verify-columns.ts'
import { silverError, verifyError } from './verify-error.ts'

export interface CompareTableOptions {
  duck: Duck
  lake: Lakehouse
  source: SourceRows
  schema: SourceTable
  mask: MaskPlan
  /** Where the source stands, found in silver's history; undefined: silver is compared as it is now. */
  cut?: Cut | undefined
  /** Where the source's rows are spooled. */
  scratch: string
  /** How many differing keys to name. */
  examples?: number | undefined
  /** The policy's keys, of which one makes the tokens of differing rows. */
  keys: Keys
  signal?: AbortSignal | undefined
  onRows?: ((rows: number) => void) | undefined
  /** Bytes of text that are typed at once; tests make it small. */
  pieceBytes?: number | undefined
  /** Only these rows, and on silver's side those of this relation of its identity columns. */
  only?: { keys: RowKeys | undefined; identities: Sql } | undefined
  /** Uses what was found while the spooled rows are there: temp table `compare_differences` is, if something differs. */
  use?: ((found: Found) => Promise<void>) | undefined
}

export interface Found {
  compare: Compare
  /** The source's rows: silver's columns and `sourceKey`. */
  source: Sql
  /** Silver's rows. */
  silver: Sql
  verdict: TableVerdict
}

/** Nothing is waited for. Throws MysqlError, VerifyError, and what the lake throws. */
export async function compareTable(options: CompareTableOptions): Promise<TableVerdict> {
  const { duck, lake, schema, mask, cut, only } = options
  const table = `${schema.database}.${schema.table}`
  const nothing = emptyVerdict(table, ranges)
  if (mask.omitted !== undefined) return { ...nothing, skipped: mask.omitted }
  const compare = compareOf(schema, mask)
  if (compare.columns.length === 0) return { ...nothing, skipped: 'the policy lets none of its columns into silver' }
  const scratch = joinPath(options.scratch, `table-${(counter++).toString()}`)
  await mkdir(scratch, { recursive: true, mode: 0o700 })
  try {
    const spooled = await spoolSource(duck, compare, { ...options, scratch, only: only?.keys })
    if (!spooled) return { ...nothing, skipped: noSuchTable }
    const { source, silver } = await bothSides(duck, lake, {
      compare,
      cut,
      only: only?.identities,
      source: spooled.relation,
      scratch,
    })
    const bronze = await lake.current(tablePath('bronze', schema))
    const comparison = await compareRows(duck, {
      left: source,
      right: silver,
      identity: compare.identity,
      key: compare.identity,
      columns: compare.columns,
      token: tokenKey(options.keys, bronze?.metaData.id ?? ''),
      examples: options.examples ?? 10,
      keep: true,
    }).catch((error: unknown) => {
      throw silverError(error, { table: schema, place: scratch })
    })
    const verdict = verdictOf(table, comparison, cut)
    await options.use?.({ compare, source, silver, verdict })
    return verdict
  } finally {
    await duck.run(
      sql`DROP TABLE IF EXISTS compare_differences; DROP TABLE IF EXISTS compare_ranges; DROP TABLE IF EXISTS verify_later`,
    )
    await rm(scratch, { recursive: true, force: true })
  }
}

let counter = 0

/** Said of a table that the source does not show. */
export const noSuchTable = 'the source has no such table now'

async function bothSides(
  duck: Duck,
  lake: Lakehouse,
  options: { compare: Compare; cut: Cut | undefined; only: Sql | undefined; source: Sql; scratch: string },
): Promise<{ source: Sql; silver: Sql }> {
  const { compare, scratch, only } = options
  try {
    const at = await silverAt(duck, lake, options)
    const restricted = only
      ? sql`(SELECT * FROM ${options.source} SEMI JOIN ${only} USING (${identityOf(compare)}))`
      : options.source
    return { source: restricted, silver: at?.relation ?? sql`(SELECT * FROM ${options.source} WHERE false)` }
  } catch (error) {
    throw silverError(verifyError(error, { table: compare.schema, doing: 'silver was opened', place: scratch }), {
      table: compare.schema,
      place: scratch,
    })
  }
}

function identityOf({ identity }: Compare): Sql {
  return join(identity.map(name => id(name)))
}

const kinds = { 'only left': 'missing in silver', 'only right': 'only in silver', different: 'different' } as const

function verdictOf(
  table: string,
  { equal, rows, differingRanges, differences, examples }: RowComparison,
  cut: Cut | undefined,
): TableVerdict {
  return {
    ...emptyVerdict(table, ranges),
    equal,
    compared: cut ? 'at the position' : 'now',
    rows: { source: rows.left, silver: rows.right },
    ranges: { all: ranges, differing: differingRanges },
    differences: {
      'missing in silver': differences['only left'],
      'only in silver': differences['only right'],
      different: differences.different,
    },
    examples: examples.map(example => ({ ...example, difference: kinds[example.difference] })),
  }
}
