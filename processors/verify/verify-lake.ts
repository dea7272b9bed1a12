// All tables verified at one moment of MySQL: one view of the source, silver waited for, table after table compared.
// Guarantee: one table that cannot be compared does not keep the others from it; what concerns all of them is thrown.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { SourceColumnName, SourcePoint, SourceRows } from '../../connectors/source-rows.ts'
import type { Duck, DuckOptions } from '../../lake/duckdb.ts'
import { compileMask, type MaskPlan } from '../../privacy/mask.ts'
import { isPlumbing } from '../plumbing.ts'
import { ranges } from '../replay/compare-rows.ts'
import type { Modes } from '../schema/kinds.ts'
import { paths } from '../silver-parts.ts'
import type { SourceTable } from '../source-schema.ts'
import { SourceSchemas } from '../source-schemas.ts'
import { nameOf } from '../table-name.ts'
import { type AskedOptions, askedTables, missedTables } from './asked-tables.ts'
import { compareTable, noSuchTable } from './compare-table.ts'
import { notJudged } from './not-judged.ts'
import { type Reached, reach } from './reach.ts'
import { unheardColumns } from './unheard.ts'
import { differs, emptyVerdict, type TableVerdict, wasCompared } from './verdict.ts'
import { verifyTable } from './verify-table.ts'

export interface VerifyLakeOptions extends AskedOptions {
  duck: Duck
  /** The limits of further databases that are opened on the way. */
  duckOptions: DuckOptions
  openSource: () => Promise<SourceRows>
  /** What is done about schema changes that nothing was decided about. */
  schemaModes?: Modes | undefined
  scratch: string
  /** Milliseconds that silver is waited for, and that differing rows are looked at again. */
  patience: number
  examples?: number | undefined
  log: Logger
  /** See reach.ts. */
  passed?: ((point: SourcePoint) => Promise<boolean>) | undefined
  /** Begins the progress of a table; gets its rows, about. */
  onTable?:
    | ((table: string, rows: number | undefined) => Promise<{ rows(read: number): void; done(): void } | undefined>)
    | undefined
  /** Of a table that differs: see verify-table.ts. */
  onDifferent?: ((table: { schema: SourceTable; mask: MaskPlan }, verdict: TableVerdict) => Promise<TableVerdict>) | undefined
}

export interface LakeVerdict {
  /** Every table that could be compared is equal, and there was one. */
  equal: boolean
  /** Where MySQL stood, in words. */
  position: string
  point: { gtids?: string; file?: string; pos?: string; exact: boolean; how: string } | undefined
  /** Some tables differ, but only because silver has not reached MySQL's position. */
  behind: boolean
  tables: TableVerdict[]
}

/** Milliseconds without anything new in the lake after which silver may well have everything. */
const idle = 5_000
/** Errors that concern one table alone. */
const ofOneTable = [
  'VERIFY_SILVER_UNREADABLE',
  'VERIFY_VALUE_UNFIT',
  'MYSQL_TABLE_CHANGED',
  'MYSQL_NOT_GRANTED',
  'COLUMN_TYPE_UNKNOWN',
  'LAKE_UNSUPPORTED_TABLE',
]

/** Throws MysqlError, VerifyError, what the lake throws. */
export async function verifyLake(options: VerifyLakeOptions): Promise<LakeVerdict> {
  const { duck, lake, policy, keys, log, signal } = options
  const until = Date.now() + options.patience
  const schemas = new SourceSchemas(duck, lake, options.schemaModes)
  const { tables, missing } = await askedTables(options, { schemas, until })
  await using source = await options.openSource()
  const plans = tables.map(schema => ({ schema, mask: compileMask(policy, schema, keys) }))
  const inSilver: SourceTable[] = []
  for (const { mask, schema } of plans) {
    const awaited = mask.omitted === undefined && options.uncaptured?.(schema) === undefined
    if (awaited && !(await notJudged(lake, { schema, mask }))) inSilver.push(schema)
  }
  const databases = (await lake.bronzeTables()).map(({ name }) => name.database)
  const columns = (await source.columns?.([...new Set([...databases, ...tables.map(({ database }) => database)])])) ?? []
  const { point } = source
  if (point) log.debug({ position: source.position, exact: point.exact }, 'comparing as of this position of MySQL')
  const place = { lake, duckOptions: options.duckOptions, point, tables: inSilver, until, signal, passed: options.passed }
  let reached = await reach({ ...place, idle })
  // Only once some table differs is it worth waiting for what may never come: not all transactions of MySQL reach the lake.
  const waited = async () => {
    if (reached.behind && Date.now() < until) {
      log.info(reached.behind)
      reached = await reach(place)
    }
    return reached
  }
  const verdicts: TableVerdict[] = []
  for (const plan of plans) {
    signal?.throwIfAborted()
    verdicts.push(await withNewestSchema(options, { ...plan, schemas, source, columns, reached, waited, until, duck }))
  }
  if (!options.tables) missing.push(...(await missedTables(options, { columns, schemas, until })))
  verdicts.push(...missing.map(name => failedVerdict(name, notInLake(name))))
  const equal = verdicts.some(wasCompared) && verdicts.every(one => one.equal || (!wasCompared(one) && !one.failed))
  return {
    equal,
    position: source.position,
    point: pointOf(point),
    behind: !equal && !verdicts.some(differs) && verdicts.some(one => one.behind !== undefined),
    tables: verdicts,
  }
}

/** A schema change of MySQL's may still be on its way to the lake: then its columns are others than the lake knows. */
async function withNewestSchema(options: VerifyLakeOptions, now: Now): Promise<TableVerdict> {
  let { schema } = now
  let verdict = await verdictOf(options, now)
  while (verdict.failed?.code === 'MYSQL_TABLE_CHANGED' && Date.now() < now.until) {
    await sleep(1_000, undefined, { signal: options.signal })
    // The registry gives the same object as long as it has heard of nothing else.
    const newest = await now.schemas.get(schema)
    if (!newest || newest === schema) continue
    schema = newest
    verdict = await verdictOf(options, { ...now, schema, mask: compileMask(options.policy, schema, options.keys) })
  }
  return verdict
}

function notInLake(name: string): NonNullable<TableVerdict['failed']> {
  const reason = `${name}: the lake has not heard of such a table; is the name right, does the connector capture it, and has \`binlake run\` run?`
  return { code: 'VERIFY_NOT_IN_LAKE', reason, retryable: false }
}

function failedVerdict(name: string, failed: NonNullable<TableVerdict['failed']>): TableVerdict {
  return { ...emptyVerdict(name, ranges), failed }
}

interface Now {
  schema: SourceTable
  mask: MaskPlan
  schemas: SourceSchemas
  source: SourceRows
  /** What MySQL's tables have. */
  columns: readonly SourceColumnName[]
  reached: Reached
  waited: () => Promise<Reached>
  until: number
  duck: Duck
}

async function verdictOf(options: VerifyLakeOptions, now: Now): Promise<TableVerdict> {
  const { schema, mask, source, waited } = now
  const name = nameOf(schema)
  const left = options.uncaptured?.(schema)
  // What has come to silver before is looked at, because people read it; of its signal table the connector tells in part, captured or not.
  if (left !== undefined && (isPlumbing(schema) || !(await options.lake.current(paths(schema).current))))
    return { ...emptyVerdict(name, ranges), skipped: left }
  if (mask.omitted === undefined) {
    const failed = (await notJudged(options.lake, { schema, mask })) ?? unheard(options, now)
    if (failed) return failedVerdict(name, failed)
  }
  const progress = mask.omitted === undefined ? await options.onTable?.(name, await source.estimate?.(schema)) : undefined
  try {
    const { onDifferent } = options
    let { reached } = now
    if (reached.behind && !reached.cuts.get(name)?.final && options.patience > 0) {
      // That silver is what MySQL holds needs no position.
      const early = await compareTable({ ...options, ...now, onRows: rows => progress?.rows(rows) })
      if (early.equal || !wasCompared(early)) return await told(now, early)
      reached = await waited()
    }
    const verdict = await verifyTable({
      ...options,
      ...now,
      placed: reached.cuts.get(name),
      behind: reached.behind,
      patient: options.patience > 0,
      arrived: reached.passed ?? false,
      onRows: rows => progress?.rows(rows),
      onDifferent: onDifferent && (found => onDifferent({ schema, mask }, found)),
    })
    return await told(now, verdict)
  } catch (error) {
    const { code, retryable } = error as { code?: string; retryable?: boolean }
    if (!(error instanceof Error) || !code || !ofOneTable.includes(code)) throw error
    options.log.warn({ table: name, code }, error.message)
    return failedVerdict(name, { code, reason: error.message, retryable: retryable ?? false })
  } finally {
    progress?.done()
  }
}

/** Columns of MySQL's that silver should have and nobody told of yet. */
function unheard({ policy, keys }: VerifyLakeOptions, { schema, columns: all }: Now): TableVerdict['failed'] {
  const columns = unheardColumns(all, schema, { policy, keys })
  if (columns.length === 0) return undefined
  const reason = `${nameOf(schema)}: MySQL has columns that the lake has not heard of (${columns.join(', ')}); verify again once \`binlake run\` has caught up, and if they stay, take a full snapshot, which tells of them`
  return { code: 'MYSQL_TABLE_CHANGED', reason, retryable: true }
}

/** Of a table that MySQL has not: whether the lake knows that it went. */
async function told({ schema, schemas }: Now, verdict: TableVerdict): Promise<TableVerdict> {
  if (verdict.skipped !== noSuchTable) return verdict
  const newest = (await schemas.plan(schema))?.steps.at(-1)
  if (newest && !newest.version.schema)
    return { ...verdict, skipped: 'MySQL has it no more, as its statements said; silver keeps the rows' }
  const reason = `${nameOf(schema)}: MySQL shows no such table, though no statement that reached the lake dropped it: it went unseen, or mysql.url's user may not read it`
  return failedVerdict(nameOf(schema), { code: 'MYSQL_TABLE_CHANGED', reason, retryable: true })
}

function pointOf(point: SourcePoint | undefined): LakeVerdict['point'] {
  return point && ({ ...point, ...(point.pos === undefined ? {} : { pos: String(point.pos) }) } as LakeVerdict['point'])
}
