// All tables verified at one moment of MySQL: one view of the source, silver waited for, table after table compared.
// Guarantee: one table that cannot be compared does not keep the others from it; what concerns all of them is thrown.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { isSelfTest } from '../../connectors/self-test-name.ts'
import type { SourcePoint, SourceRows } from '../../connectors/source-rows.ts'
import type { Duck, DuckOptions } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import type { Keys } from '../../privacy/keys.ts'
import { compileMask, type MaskPlan } from '../../privacy/mask.ts'
import type { Policy } from '../../privacy/policy.ts'
import { isDebeziums } from '../bronze-names.ts'
import { isPlumbing } from '../plumbing.ts'
import { ranges } from '../replay/compare-rows.ts'
import type { Modes } from '../schema/kinds.ts'
import type { SourceTable, TableName } from '../source-schema.ts'
import { SourceSchemas } from '../source-schemas.ts'
import { compareTable } from './compare-table.ts'
import { type Reached, reach } from './reach.ts'
import { differs, emptyVerdict, type TableVerdict, wasCompared } from './verdict.ts'
import { verifyTable } from './verify-table.ts'

export interface VerifyLakeOptions {
  duck: Duck
  /** The limits of further databases that are opened on the way. */
  duckOptions: DuckOptions
  lake: Lakehouse
  openSource: () => Promise<SourceRows>
  /** What is done about schema changes that nothing was decided about. */
  schemaModes?: Modes | undefined
  policy: Policy
  keys: Keys
  /** Only these tables (`database.table` or the table's name alone). */
  tables?: readonly string[] | undefined
  scratch: string
  /** Milliseconds that silver is waited for, and that differing rows are looked at again. */
  patience: number
  examples?: number | undefined
  signal?: AbortSignal | undefined
  log: Logger
  /** Why a table is not captured; undefined: it is. */
  uncaptured?: ((table: TableName) => string | undefined) | undefined
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
  const tables = await asked(options, schemas)
  await using source = await options.openSource()
  const plans = tables.map(schema => ({ schema, mask: compileMask(policy, schema, keys) }))
  const isCaptured = (schema: SourceTable) => options.uncaptured?.(schema) === undefined
  const inSilver = plans
    .filter(({ mask, schema }) => mask.omitted === undefined && isCaptured(schema))
    .map(({ schema }) => schema)
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
    verdicts.push(await withNewestSchema(options, schemas, { ...plan, source, reached, waited, until, duck }))
  }
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
async function withNewestSchema(options: VerifyLakeOptions, schemas: SourceSchemas, now: Now): Promise<TableVerdict> {
  let { schema } = now
  let verdict = await verdictOf(options, now)
  while (verdict.failed?.code === 'MYSQL_TABLE_CHANGED' && Date.now() < now.until) {
    await sleep(1_000, undefined, { signal: options.signal })
    const newest = await schemas.get(schema)
    if (!newest || JSON.stringify(newest.columns) === JSON.stringify(schema.columns)) continue
    schema = newest
    verdict = await verdictOf(options, { ...now, schema, mask: compileMask(options.policy, schema, options.keys) })
  }
  return verdict
}

interface Now {
  schema: SourceTable
  mask: MaskPlan
  source: SourceRows
  reached: Reached
  waited: () => Promise<Reached>
  until: number
  duck: Duck
}

async function verdictOf(options: VerifyLakeOptions, now: Now): Promise<TableVerdict> {
  const { schema, mask, source, waited } = now
  const name = `${schema.database}.${schema.table}`
  const left = options.uncaptured?.(schema)
  if (left !== undefined) return { ...emptyVerdict(name, ranges), skipped: left }
  const progress = mask.omitted === undefined ? await options.onTable?.(name, await source.estimate?.(schema)) : undefined
  try {
    const { onDifferent } = options
    let { reached } = now
    if (reached.behind && !reached.cuts.get(name)?.final && options.patience > 0) {
      // That silver is what MySQL holds needs no position.
      const early = await compareTable({ ...options, ...now, onRows: rows => progress?.rows(rows) })
      if (early.equal || !wasCompared(early)) return early
      reached = await waited()
    }
    return await verifyTable({
      ...options,
      ...now,
      placed: reached.cuts.get(name),
      behind: reached.behind,
      patient: options.patience > 0,
      arrived: reached.passed ?? false,
      onRows: rows => progress?.rows(rows),
      onDifferent: onDifferent && (verdict => onDifferent({ schema, mask }, verdict)),
    })
  } catch (error) {
    const { code, retryable } = error as { code?: string; retryable?: boolean }
    if (!(error instanceof Error) || !code || !ofOneTable.includes(code)) throw error
    options.log.warn({ table: name, code }, error.message)
    return { ...emptyVerdict(name, ranges), failed: { code, reason: error.message, retryable: retryable ?? false } }
  } finally {
    progress?.done()
  }
}

/**
 * The source's tables. Unless asked for by name, without those that carry Debezium's own signals and heartbeats, and without other databases of the
 * server: Debezium tells of their schemas too, but they send nothing.
 */
async function asked({ lake, tables: only, policy, keys }: VerifyLakeOptions, schemas: SourceSchemas): Promise<SourceTable[]> {
  const found: SourceTable[] = []
  const databases = new Set((await lake.bronzeTables()).map(({ name }) => name.database))
  for (const schema of await schemas.all()) {
    if (isDebeziums(schema) || isSelfTest(schema.table)) continue
    const named = only?.some(name => name === schema.table || name === `${schema.database}.${schema.table}`)
    if (
      only
        ? named
        : databases.has(schema.database) && !(isPlumbing(schema) && compileMask(policy, schema, keys).omitted !== undefined)
    )
      found.push(schema)
  }
  return found
}

function pointOf(point: SourcePoint | undefined): LakeVerdict['point'] {
  return point && ({ ...point, ...(point.pos === undefined ? {} : { pos: String(point.pos) }) } as LakeVerdict['point'])
}
