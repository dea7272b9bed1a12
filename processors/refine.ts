// One table's way from bronze to silver: new bronze versions are typed, masked, collapsed and merged.
// Guarantee: silver is a function of bronze and the policy; a step repeated after a crash gives the same result once.
import type { Logger } from 'pino'
import type { Add } from '../lake/actions.ts'
import { ConflictError } from '../lake/conflict.ts'
import type { Duck } from '../lake/duckdb.ts'
import { each } from '../lake/each.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { tablePath } from '../lake/layout.ts'
import { readCommit } from '../lake/log.ts'
import { scan } from '../lake/scan.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { id, join, sql } from '../lake/sql.ts'
import type { MaskPlan } from '../privacy/mask.ts'
import { topicsOf } from './bronze-names.ts'
import { bronzeColumnsRead, typeChanges } from './changes.ts'
import { type Collapsed, collapse, TableHalted } from './collapse.ts'
import { otherwiseMasked } from './mask-record.ts'
import { quarantine } from './quarantine.ts'
import { mergeSilver, openSilver, readState } from './silver.ts'
import { paths, type SilverTables } from './silver-parts.ts'
import type { SourceTable } from './source-schema.ts'

export interface Refinement {
  lake: Lakehouse
  log: Logger
  schema: SourceTable
  mask: MaskPlan
  /** Bronze rows taken in one step; bounds memory. A single bronze commit is never split. */
  maxRows: number
}

export interface Refined {
  /** The bronze version silver has taken now. */
  version: number
  /** Changes applied. */
  rows: number
  /** Whether bronze holds more. */
  more: boolean
}

const triesOnConflict = 5

/** One step. Undefined: silver is up to date with bronze. */
export async function refine(duck: Duck, options: Refinement): Promise<Refined | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return await step(duck, options)
    } catch (error) {
      if (!(error instanceof ConflictError && error.retryable) || tries === triesOnConflict) throw error
      options.log.info({ table: nameOf(options.schema), tries }, 'another writer was first; planning the merge anew')
    }
  }
}

async function step(duck: Duck, options: Refinement): Promise<Refined | undefined> {
  const { lake, schema, mask } = options
  const { bronze, tables } = await open(options)
  if (!bronze || !tables) return undefined
  refuseOtherPolicy(tables, options)
  const { files, version } = await nextFiles(lake, tablePath('bronze', schema), bronze, { tables, maxRows: options.maxRows })
  if (version === tables.taken.current) return undefined
  const collapsed = await applied(duck, options, { bronze, tables, files })
  const { rows } = await mergeSilver(duck, lake, {
    tables,
    mask,
    bronzeId: bronze.metaData.id,
    version,
    replace: false,
    userMetadata: JSON.stringify({ bronzeVersion: version, ...collapsed }),
  })
  options.log.info({ table: nameOf(schema), bronzeVersion: version, rows, ...collapsed }, 'merged into silver')
  return { version, rows, more: version < bronze.version }
}

/**
 * Builds silver, history and markers anew from all of bronze, beside what they hold, and puts the new files in their place, one commit a
 * table. Undefined: there is no bronze. A crash between the commits leaves tables that the next replay or run brings together again.
 */
export async function rebuild(duck: Duck, options: Omit<Refinement, 'maxRows'>): Promise<Refined | undefined> {
  const { lake, schema, mask } = options
  const { bronze, tables } = await open(options)
  if (!bronze || !tables) return undefined
  const nothing: SilverTables = { ...tables, current: undefined, history: undefined, deleted: undefined }
  const collapsed = await applied(duck, options, { bronze, tables: nothing, files: [...bronze.files.values()] })
  const newest = { ...tables, deleted: await lake.current(paths(schema).deleted) }
  const { rows } = await mergeSilver(duck, lake, {
    tables: newest,
    mask,
    bronzeId: bronze.metaData.id,
    version: bronze.version,
    replace: true,
    userMetadata: JSON.stringify({ bronzeVersion: bronze.version, ...collapsed }),
  })
  options.log.info({ table: nameOf(schema), bronzeVersion: bronze.version, rows, ...collapsed }, 'rebuilt silver from bronze')
  return { version: bronze.version, rows, more: false }
}

async function open({ lake, schema, mask }: Omit<Refinement, 'maxRows'>): Promise<{ bronze?: Snapshot; tables?: SilverTables }> {
  const bronze = await lake.current(tablePath('bronze', schema))
  if (!bronze) return {}
  if (schema.primaryKey.length === 0)
    throw new TableHalted(
      `${nameOf(schema)}: the table has no primary key, so its rows cannot be told apart; bronze goes on, silver does not`,
    )
  if (recreated(bronze)) {
    throw new TableHalted(
      `${nameOf(schema)}: its topic was deleted and created again, so offsets no longer tell the order; move the table's folders in bronze and silver ` +
        'aside, and the new topic is read from its start',
    )
  }
  if (mask.omitted !== undefined) throw new TableOmitted(`${nameOf(schema)}: not in silver: ${mask.omitted}`)
  return { bronze, tables: await openSilver(lake, schema, { key: mask.primaryKey, bronzeId: bronze.metaData.id }) }
}

/** Makes temp table `applied` from bronze files and what the silver tables hold of the same keys. */
async function applied(
  duck: Duck,
  options: Omit<Refinement, 'maxRows'>,
  { bronze, tables, files }: { bronze: Snapshot; tables: SilverTables; files: Add[] },
): Promise<Collapsed> {
  const { lake, schema, mask } = options
  const path = tablePath('bronze', schema)
  const rows = await scan(lake.table(path), bronze, { files, columns: bronzeColumnsRead })
  await typeChanges(duck, rows, { schema, mask })
  await setAside(duck, options, { bronze, path, files })
  await addTruncated(duck, lake, { bronze, path, files, tables })
  await readState(duck, lake, tables)
  return collapse(duck, nameOf(schema), mask.primaryKey)
}

/** Silver built under one policy must not go on under another: old rows would keep what the new policy hides. */
function refuseOtherPolicy(tables: SilverTables, { schema, mask }: Refinement): void {
  // History may be a step ahead of silver after a crash, and holds as much.
  const changed = [tables.current, tables.history].flatMap(snapshot => otherwiseMasked(snapshot, mask, schema))
  if (changed.length > 0) {
    const name = nameOf(schema)
    throw new PolicyChanged(
      `${name}: silver was built under another policy or key version (columns ${[...new Set(changed)].join(', ')}); rebuild it with \`binlake replay ${name}\``,
    )
  }
}

/** The policy does not let this table into silver. */
export class TableOmitted extends Error {
  readonly code = 'TABLE_OMITTED'
  readonly retryable = false
}

export class PolicyChanged extends Error {
  readonly code = 'POLICY_CHANGED'
  readonly retryable = false
}

/**
 * The data files of the bronze versions to take next: at most `maxRows`, or half as many more if that is all there is.
 * A version that history has taken already, before a crash, is taken alone.
 */
async function nextFiles(
  lake: Lakehouse,
  path: string,
  bronze: Snapshot,
  options: { tables: SilverTables; maxRows: number },
): Promise<{ files: Add[]; version: number }> {
  const { current: from, history, deleted } = options.tables.taken
  const ahead = Math.max(history, deleted)
  const last = ahead > from ? ahead : bronze.version
  const enough = ahead > from ? Number.POSITIVE_INFINITY : options.maxRows
  const steps = await newRows(lake, path, { from, last, enough: enough * 1.5 })
  const all = steps.reduce((sum, { rows }) => sum + rows, 0) <= enough * 1.5
  let rows = 0
  const taken = steps.filter(step => {
    rows += step.rows
    return all || rows <= enough || rows === step.rows
  })
  return { files: taken.flatMap(({ files }) => files), version: taken.at(-1)?.version ?? from }
}

/** What each bronze version after `from` added, up to `last`, or until there are more than `enough` rows. */
async function newRows(
  lake: Lakehouse,
  path: string,
  { from, last, enough }: { from: number; last: number; enough: number },
): Promise<{ version: number; files: Add[]; rows: number }[]> {
  const steps: { version: number; files: Add[]; rows: number }[] = []
  let rows = 0
  const versions = Array.from({ length: last - from }, (_, i) => from + 1 + i)
  for (let at = 0; at < versions.length && rows <= enough; at += 64) {
    const commits = await each(versions.slice(at, at + 64), 16, version => readCommit(lake.table(path), version))
    for (const commit of commits) {
      if (!commit) {
        throw new TableHalted(
          `${path}: commits after version ${from} were cleaned from the log before silver took them; rebuild silver with \`binlake replay\``,
        )
      }
      const files = commit.adds.filter(add => add.dataChange)
      const count = files.reduce((sum, add) => sum + rowsOf(add), 0)
      steps.push({ version: commit.version, files, rows: count })
      rows += count
    }
  }
  return steps
}

/** Rows whose values do not fit their columns go to quarantine, once: how far each partition was looked at is kept there. */
async function setAside(
  duck: Duck,
  { lake, schema, log }: Omit<Refinement, 'maxRows'>,
  { bronze, path, files }: { bronze: Snapshot; path: string; files: Add[] },
): Promise<void> {
  const bad = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM changes WHERE _bad`)
  if (!bad || bad.n === 0n) return
  const rows = await scan(lake.table(path), bronze, { files, columns: ['_partition', '_offset', '_kafka_ts', '_key', '_value'] })
  const ends = await duck.rows<{ partition: number; to: bigint }>(
    sql`SELECT _partition AS partition, max(_offset) + 1 AS "to" FROM changes GROUP BY ALL`,
  )
  await quarantine({ duck, lake }, schema, {
    rows: sql`SELECT _partition, _offset, _kafka_ts, 'value_does_not_fit' AS _reason, encode(_key) AS _key, encode(_value) AS _value
      FROM ${rows} SEMI JOIN (SELECT _partition, _offset FROM changes WHERE _bad) USING (_partition, _offset)`,
    offsets: { ...newestTopic(bronze), ranges: new Map(ends.map(({ partition, to }) => [partition, { from: 0n, to }])) },
    step: 'silver',
  })
  log.warn({ table: nameOf(schema), records: Number(bad.n) }, 'values do not fit their columns; the records are in quarantine')
}

/** Whether bronze holds records of two lives of one topic. */
function recreated(bronze: Snapshot): boolean {
  const lives = new Set(topicsOf(bronze).map(({ topic, topicId }) => `${topic}#${topicId}`))
  return lives.size > new Set(topicsOf(bronze).map(({ topic }) => topic)).size
}

function newestTopic(bronze: Snapshot): { topic: string; topicId: string } {
  return topicsOf(bronze).at(-1)!
}

/** A truncate ends every row that is live when it comes: each gets a change `t` at its place (cdc-spec §2.4). */
async function addTruncated(
  duck: Duck,
  lake: Lakehouse,
  { bronze, path, files, tables }: { bronze: Snapshot; path: string; files: Add[]; tables: SilverTables },
): Promise<void> {
  const events = await scan(lake.table(path), bronze, { files, columns: bronzeColumnsRead.slice(1) })
  const truncates = await duck.rows<{ partition: number; offset: bigint }>(
    sql`SELECT _partition AS partition, _offset AS "offset" FROM ${events} WHERE _op = 't' ORDER BY _offset`,
  )
  if (truncates.length === 0) return
  if (new Set(topicsOf(bronze).map(({ partition }) => partition)).size > 1) {
    throw new TableHalted(
      `${path}: a TRUNCATE arrived in a topic of several partitions, where its place among the other changes is unknown; take a new snapshot of the table`,
    )
  }
  const key = join(tables.key.map(name => id(name)))
  const live = tables.current
    ? await scan(lake.table(tablePath('silver', tables.name)), tables.current, { columns: tables.key })
    : undefined
  for (const { partition, offset } of truncates) {
    const held = live ? sql`UNION ALL SELECT ${key}, -1 AS _offset, 'c' AS _op FROM ${live}` : sql``
    await duck.run(sql`INSERT INTO changes BY NAME
      SELECT ${key}, _truncated.*, false AS _bad, (SELECT coalesce(max(_row_id), 0) FROM changes) + row_number() OVER () AS _row_id
      FROM (SELECT ${key} FROM (SELECT ${key}, _offset, _op FROM changes WHERE _offset < ${offset} AND NOT _bad ${held}) GROUP BY ${key} HAVING arg_max(_op, _offset) NOT IN ('d', 't')),
        (SELECT * FROM ${events} WHERE _op = 't' AND _partition = ${partition} AND _offset = ${offset}) AS _truncated`)
  }
}

function rowsOf(add: Add): number {
  return add.stats ? (JSON.parse(add.stats) as { numRecords: number }).numRecords : 0
}

function nameOf({ database, table }: SourceTable): string {
  return `${database}.${table}`
}
