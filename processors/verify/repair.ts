// Mends a table that differs: what bronze makes otherwise is put back; rows that MySQL has are snapshotted once more, those it has no more deleted.
// Guarantee: silver changes only by what is put into bronze, so a rebuild gives the same; of a row, its place in Kafka is written down and no key.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { RowKeys, SourceRows } from '../../connectors/source-rows.ts'
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { tablePath } from '../../lake/layout.ts'
import { scan } from '../../lake/scan.ts'
import { id, join, sql } from '../../lake/sql.ts'
import type { Keys } from '../../privacy/keys.ts'
import type { MaskPlan } from '../../privacy/mask.ts'
import { maskedKeys } from '../order/events-of-keys.ts'
import { refine } from '../refine.ts'
import { paths } from '../silver-parts.ts'
import { sweepGoneRows } from '../snapshots/gone-rows.ts'
import type { GoneRow } from '../snapshots/sweep-decision.ts'
import type { SourceTable, TableName } from '../source-schema.ts'
import { compareTable } from './compare-table.ts'
import { noteOpen, openKeys, verdictOfOpen } from './open-differences.ts'
import { remakeDamaged } from './remake-damaged.ts'
import type { Repair, TableVerdict } from './verdict.ts'
import { type Compare, compareOf } from './verify-columns.ts'
import { VerifyError } from './verify-error.ts'

export interface RepairOptions {
  duck: Duck
  lake: Lakehouse
  schema: SourceTable
  mask: MaskPlan
  keys: Keys
  openSource: () => Promise<SourceRows>
  scratch: string
  signal?: AbortSignal | undefined
  log: Logger
  /** Asks the connector for a snapshot of these rows, undefined: of the whole table. Throws VERIFY_NO_SIGNALS where that cannot be. */
  askForRows: (table: TableName, rows: RowKeys | undefined) => Promise<void>
  /** Milliseconds that the mended rows are waited for. */
  patience: number
  examples: number
  /** Bronze rows of one step of silver. */
  maxRows: number
}

/** So many rows are deleted by one decision at most. */
const mostGone = 10_000
const between = 2_000

/** Needs temp table `verify_open` (open-differences.ts). Gives the verdict of what is left, with `repair`. */
export async function repairTable(options: RepairOptions, found: TableVerdict): Promise<TableVerdict> {
  const { duck, lake, schema, mask, log } = options
  const table = found.table
  const compare = compareOf(schema, mask)
  const count = Object.values(found.differences).reduce((sum, n) => sum + n, 0)
  const repair: Repair = { found: count, remade: 0, asked: 0, deleted: 0, mended: 0, left: count, notes: [] }
  if (compare.key.length === 0) {
    repair.notes.push(
      `${table}: it has no primary key by which single rows could be mended; take a new snapshot of it, or \`binlake replay ${table}\` if bronze is right`,
    )
    return { ...found, repair }
  }
  repair.remade = await remakeDamaged(duck, options, {
    keys: sql`SELECT ${join(compare.identity.map(name => id(name)))} FROM verify_open`,
    scratch: options.scratch,
    maxRows: options.maxRows,
  })
  // A row may have come back since it was missed. Its place is noted before MySQL is looked at again, so that what comes after is another one.
  await notePlaces(duck, lake, { schema, mask, compare })
  const still = await lookOnce(options, compare, found)
  if (still.equal) return { ...still, repair: { ...repair, mended: count, left: 0 } }
  repair.asked = await askForPresent(options, compare)
  const gone = await goneRows(duck, compare)
  for (let at = 0; at < gone.rows.length; at += mostGone) {
    if (!(await sweepGoneRows({ duck, lake }, schema, gone.rows.slice(at, at + mostGone)))) {
      repair.notes.push(
        `${table}: bronze was written all the while, so rows that MySQL has no more could not be deleted; try again`,
      )
      break
    }
    repair.deleted += Math.min(mostGone, gone.rows.length - at)
  }
  if (gone.damaged > 0)
    repair.notes.push(
      `${table}: ${gone.damaged} rows are in silver that no event of bronze made: \`binlake replay ${table}\` builds it anew from bronze`,
    )
  log.info({ table, asked: repair.asked, deleted: repair.deleted }, 'repairing')
  const left = await lookAgain(options, compare, { found, deleted: repair.deleted > 0 })
  repair.left = Object.values(left.differences).reduce((sum, n) => sum + n, 0)
  repair.mended = repair.found - repair.left
  if (repair.left > 0 && repair.asked > 0)
    repair.notes.push(
      `${table}: not all rows have come back yet; are the connector and \`binlake run\` running? A snapshot that comes later mends them all the same`,
    )
  return { ...left, repair }
}

/** Rows that MySQL has: as a snapshot of just their keys. Gives their number. */
async function askForPresent({ duck, schema, askForRows }: RepairOptions, compare: Compare): Promise<number> {
  const present = await duck.rows<{ key: string[] | null }>(
    sql`SELECT "source key" AS key FROM verify_open WHERE "the difference" <> 'only right' LIMIT 20001`,
  )
  if (present.length === 0) return 0
  const keys = present.flatMap(({ key }) => (key ? [key] : []))
  await askForRows(
    schema,
    keys.length === present.length && present.length <= 20_000 ? { columns: compare.key, keys } : undefined,
  )
  const all = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM verify_open WHERE "the difference" <> 'only right'`)
  return Number(all!.n)
}

/** Makes temp table `verify_gone`: rows that only silver has, by the places of the events that made them. */
async function notePlaces(
  duck: Duck,
  lake: Lakehouse,
  { schema, mask, compare }: { schema: SourceTable; mask: MaskPlan; compare: Compare },
): Promise<void> {
  const by = join(compare.identity.map(name => id(name)))
  const silver = await lake.current(paths(schema).current)
  const bronze = await lake.current(tablePath('bronze', schema))
  if (!silver || !bronze) {
    await duck.run(sql`CREATE OR REPLACE TEMP TABLE verify_gone AS
      SELECT ${by}, 0 AS "the epoch", 0 AS _partition, 0::BIGINT AS _offset FROM verify_open WHERE false`)
    return
  }
  const epoch = silver.fields.some(({ name }) => name === '_epoch')
  const live = await scan(lake.table(paths(schema).current), silver, {
    columns: [...compare.identity, '_partition', '_offset', ...(epoch ? ['_epoch'] : [])],
  })
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE verify_gone AS
    SELECT *, ${epoch ? sql`coalesce(_epoch, 0)` : sql`0`} AS "the epoch" FROM ${live} SEMI JOIN (SELECT ${by} FROM verify_open WHERE "the difference" = 'only right') USING (${by})`)
  const events = await scan(lake.table(tablePath('bronze', schema)), bronze, {
    columns: ['_partition', '_offset', '_op', '_key'],
    fileColumn: '_path',
  })
  await mask.bind(duck)
  // A damaged file may hold a row that no event made, under another row's place: that other row must not go.
  const made = maskedKeys(sql`(SELECT * FROM ${events} SEMI JOIN verify_gone USING (_partition, _offset))`, { schema, mask })
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE verify_gone AS
    FROM verify_gone SEMI JOIN (SELECT ${by}, "the partition" AS _partition, "the offset" AS _offset FROM (${made})) USING (${by}, _partition, _offset)`)
}

/** Of the noted rows those that MySQL still has not; `damaged`: rows that no event of bronze made. */
async function goneRows(duck: Duck, compare: Compare): Promise<{ rows: GoneRow[]; damaged: number }> {
  const by = join(compare.identity.map(name => id(name)))
  const wanted = sql`(SELECT ${by} FROM verify_open WHERE "the difference" = 'only right')`
  const count = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM ${wanted}`)
  const rows = await duck.rows<{ epoch: number; partition: number; offset: bigint }>(sql`
    SELECT DISTINCT "the epoch"::INTEGER AS epoch, _partition AS partition, _offset AS "offset" FROM verify_gone SEMI JOIN ${wanted} USING (${by})`)
  await duck.run(sql`DROP TABLE verify_gone`)
  return {
    rows: rows.map(({ epoch, partition, offset }) => ({ epoch, partition, offset: String(offset) })),
    damaged: Number(count!.n) - rows.length,
  }
}

/** Looks at the rows until they are equal or the time is over. Deletions are taken to silver here: no record wakes the line for them. */
async function lookAgain(
  options: RepairOptions,
  compare: Compare,
  { found, deleted }: { found: TableVerdict; deleted: boolean },
): Promise<TableVerdict> {
  const { duck, lake, schema, mask, log, signal, maxRows } = options
  if (deleted) while ((await refine(duck, { lake, log, schema, mask, maxRows }))?.more);
  const until = Date.now() + options.patience
  for (;;) {
    const left = await lookOnce(options, compare, found)
    if (left.equal || Date.now() >= until) return left
    await sleep(Math.min(between, Math.max(0, until - Date.now())), undefined, signal ? { signal } : {})
  }
}

async function lookOnce(options: RepairOptions, compare: Compare, found: TableVerdict): Promise<TableVerdict> {
  const { duck, examples } = options
  await using source = await options.openSource()
  const again = await compareTable({
    ...options,
    source,
    only: { keys: await openKeys(duck, compare), identities: sql`verify_open` },
    use: one => noteOpen(duck, one, { first: false }),
  })
  if (again.equal) {
    const rows = { source: found.rows.source, silver: found.rows.source }
    return { ...found, equal: true, rows, differences: again.differences, examples: [] }
  }
  return verdictOfOpen(duck, found, { looks: 1, examples })
}

/** Where the connector cannot be asked. */
export function noSignals(reason: string): VerifyError {
  return new VerifyError('VERIFY_NO_SIGNALS', `rows that differ cannot be asked for once more: ${reason}`)
}
