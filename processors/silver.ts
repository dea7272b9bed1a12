// Silver: the current row of every key, its history (SCD type 4), and markers of deleted keys, merged copy-on-write.
// Guarantee: each of the three tables takes a bronze version exactly once; silver's own progress decides where to go on.
import { type CommitOptions, commit } from '../lake/commit.ts'
import type { Duck } from '../lake/duckdb.ts'
import { failPoint } from '../lake/fail-point.ts'
import { largeFiles } from '../lake/file-size.ts'
import type { KeyBound } from '../lake/key-range.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { tablePath } from '../lake/layout.ts'
import { locate } from '../lake/locate.ts'
import { mergeFiles } from '../lake/merge.ts'
import { duckType, type Field, sameType } from '../lake/schema.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { id, join, type Sql, sql } from '../lake/sql.ts'
import { withMissing } from '../lake/with-missing.ts'
import { filesForRows, writeFiles } from '../lake/write-files.ts'
import type { MaskPlan } from '../privacy/mask.ts'
import { TableHalted } from './order/collapse.ts'
import { positionFields } from './own-columns.ts'
import { paths, type SilverPart, type SilverTables, silverParts } from './silver-parts.ts'
import type { TableName } from './source-schema.ts'
import { asTaken, takenBy } from './taken.ts'

/** What a marker and the state of a key hold beside the key. */
const stateColumns = [...positionFields.map(({ name }) => name), '_op']

/** Opens the three tables; `bronzeId` is the bronze table's Delta id, under which progress is kept. */
export async function openSilver(
  lake: Lakehouse,
  name: TableName,
  options: { key: readonly string[]; bronzeId: string },
): Promise<SilverTables> {
  const at = paths(name)
  const [current, history, newestDeleted] = await Promise.all([
    lake.current(at.current),
    lake.current(at.history),
    lake.current(at.deleted),
  ])
  const { bronzeId } = options
  await refuseOthers(lake, name, {
    bronzeId,
    places: { [at.current]: current, [at.history]: history, [at.deleted]: newestDeleted },
  })
  const taken = {
    current: takenBy(current, bronzeId),
    history: takenBy(history, bronzeId),
    deleted: takenBy(newestDeleted, bronzeId),
  }
  return {
    name,
    key: options.key,
    current,
    history,
    // A crash may have left the markers one step ahead.
    deleted: await asTaken(lake, at.deleted, newestDeleted, { bronzeId, taken: taken.current }),
    taken,
  }
}

/** `t_history` may also be a table of the source: then two tables would have one place, and the first to come has it. */
async function refuseOthers(
  lake: Lakehouse,
  name: TableName,
  { bronzeId, places }: { bronzeId: string; places: Record<string, Snapshot | undefined> },
): Promise<void> {
  const stem = /^(.+)_(?:history|deleted)$/.exec(name.table)?.[1]
  const names = [`${name.table}_history`, `${name.table}_deleted`, ...(stem === undefined ? [] : [stem])]
  for (const [path, snapshot] of Object.entries(places)) {
    if (!snapshot || snapshot.txns.size === 0 || snapshot.txns.has(bronzeId)) continue
    for (const table of names) {
      const other = await lake.current(tablePath('bronze', { ...name, table }))
      if (!other || !snapshot.txns.has(other.metaData.id)) continue
      throw new TableHalted(
        `${name.database}.${name.table}: ${path} belongs to ${name.database}.${table}, so it goes no further than bronze; leave one of the two out of the policy, and move that folder aside if it is its own`,
      )
    }
  }
}

/**
 * Makes temp table `state`: what silver, or else a marker, holds of the keys in `changes`. `_path` is the file of a live row,
 * `_marker_path` that of a marker.
 */
export async function readState(duck: Duck, lake: Lakehouse, tables: SilverTables): Promise<void> {
  const at = paths(tables.name)
  const key = columns(tables.key)
  const find = async (path: string, snapshot: Snapshot | undefined) => {
    // Tables from before there were epochs lack some of them.
    const held = stateColumns.filter(name => snapshot?.fields.some(field => field.name === name))
    const found =
      snapshot &&
      (await locate(duck, lake.table(path), snapshot, {
        keys: sql`SELECT ${key} FROM changes`,
        keyColumns: tables.key,
        columns: held,
      }))
    const missing = stateColumns.filter(name => !held.includes(name)).map(name => sql`NULL AS ${id(name)}`)
    return found && (missing.length > 0 ? sql`(SELECT *, ${join(missing)} FROM ${found})` : found)
  }
  const live = await find(at.current, tables.current)
  const marked = await find(at.deleted, tables.deleted)
  const columnsOf = sql`${key}, ${columns(stateColumns)}, NULL::VARCHAR AS _snapshot`
  const nothing = sql`SELECT ${key}, NULL::TIMESTAMPTZ AS _valid_from, ${columns(stateColumns.slice(1))}, NULL::VARCHAR AS _snapshot, NULL::VARCHAR AS _path,
    NULL::VARCHAR AS _marker_path, 2 AS _marker FROM changes WHERE false`
  const relations = [
    nothing,
    live && sql`SELECT ${columnsOf}, _path, NULL, 0 FROM ${live}`,
    marked && sql`SELECT ${columnsOf}, NULL, _path, 1 FROM ${marked}`,
  ].filter(relation => relation !== undefined)
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE state AS
    SELECT * EXCLUDE (_marker) REPLACE (max(_marker_path) OVER (PARTITION BY ${key}) AS _marker_path) FROM (${join(relations, ' UNION ALL ')})
    QUALIFY row_number() OVER (PARTITION BY ${key} ORDER BY _marker) = 1`)
}

export interface MergeOptions {
  tables: SilverTables
  mask: MaskPlan
  bronzeId: string
  /** The bronze version that `applied` reaches. */
  version: number
  /** For the tables' log: counts, never values. */
  userMetadata: string
  /** Instead of a commit to the lake: a rebuild collects what would be committed. */
  publish?: Publish
}

/** What becomes of one table's commit. */
export type Publish = (path: string, wanted: CommitOptions) => Promise<void>

/**
 * Commits temp table `applied` to history, markers and silver, in this order, each unless it has taken `version` already. Temp table
 * `state` says where the rows are that go.
 */
export async function mergeSilver(duck: Duck, lake: Lakehouse, options: MergeOptions): Promise<{ rows: number }> {
  const { tables, mask, bronzeId, version, userMetadata } = options
  const publish: Publish =
    options.publish ?? (async (path, wanted) => void lake.committed(path, await commit(lake.table(path), wanted)))
  for (const part of silverParts(tables, mask)) {
    // Silver itself is told of every version: its progress decides where the next step begins.
    if (part.taken >= version && part.path !== paths(tables.name).current) continue
    const { path, base, wanted } = part
    const fields = evolved(path, base, wanted)
    const rows = withMissing(part.rows, fields, wanted)
    const written = await writePart(duck, lake, { part, fields, rows, key: tables.key })
    await publish(path, {
      base,
      mode: part.mode,
      operation: part.mode === 'append' ? 'STREAMING UPDATE' : 'MERGE',
      metaData: { fields, name: part.name, configuration: part.configuration },
      txns: [{ appId: bronzeId, version: BigInt(version) }],
      ...written,
      userMetadata,
    })
    if (part.committed) failPoint(part.committed)
  }
  const count = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM applied`)
  return { rows: Number(count!.n) }
}

type Writing = { part: SilverPart; fields: readonly Field[]; rows: Sql; key: readonly string[] }

/** Writes the files of one table's commit. */
async function writePart(
  duck: Duck,
  lake: Lakehouse,
  { part, fields, rows, key }: Writing,
): Promise<Pick<CommitOptions, 'adds' | 'removes' | 'keyRange'>> {
  const { base, stats, heldIn } = part
  const table = lake.table(part.path)
  if (!heldIn) {
    // A step's worth is one file; only a rebuild brings more at once.
    const files = base ? 1 : await filesForRows(duck, table, { select: rows, fields, size: () => largeFiles })
    return { adds: await writeFiles(duck, table, { select: rows, fields, stats, files, cutBy: ['_seq'] }) }
  }
  const winners = sql`SELECT ${columns(key)} FROM applied WHERE _winner`
  const held = sql`SELECT ${columns(key)}, ${id(heldIn)} AS _path FROM state SEMI JOIN (${winners}) USING (${columns(key)}) WHERE ${id(heldIn)} IS NOT NULL`
  const { adds, removes } = await mergeFiles(duck, table, { base, fields, keyColumns: key, rows, held, stats })
  return { adds, removes, ...(base ? { keyRange: await spanned(duck, winners, stats) } : {}) }
}

/** What the batch spans in the key columns whose bounds other writers can see. */
async function spanned(duck: Duck, keys: Sql, names: readonly string[]): Promise<KeyBound[]> {
  if (names.length === 0) return []
  const bounds = names.map(
    (name, i) => sql`min(${id(name)})::VARCHAR AS ${id(`min${i}`)}, max(${id(name)})::VARCHAR AS ${id(`max${i}`)}`,
  )
  const row = await duck.row<Record<string, string | null>>(sql`SELECT ${join(bounds)} FROM (${keys})`)
  return names.flatMap((column, i) => {
    const [min, max] = [row![`min${i}`], row![`max${i}`]]
    return min != null && max != null ? { column, min, max } : []
  })
}

/** Columns only ever come: a dropped one stays and is NULL from then on, a new one is added (lake-spec §3.10). */
export function evolved(path: string, base: Snapshot | undefined, wanted: readonly Field[]): Field[] {
  if (!base) return [...wanted]
  const known = new Map(base.fields.map(column => [column.name, column]))
  for (const { name, type } of wanted) {
    const old = known.get(name)
    if (old && !sameType(old.type, type)) {
      throw new TableHalted(
        `${path}: column ${name} changes from ${duckType(old.type)} to ${duckType(type)}; rebuild the table from bronze with \`binlake replay\``,
      )
    }
  }
  return [...base.fields, ...wanted.filter(({ name }) => !known.has(name))]
}

function columns(names: readonly string[]): Sql {
  return join(names.map(name => id(name)))
}
