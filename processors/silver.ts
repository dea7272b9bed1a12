// Silver: the current row of every key, its history (SCD type 4), and markers of deleted keys, merged copy-on-write.
// Guarantee: each of the three tables takes a bronze version exactly once; silver's own progress decides where to go on.
import { type CommitOptions, commit } from '../lake/commit.ts'
import type { Duck } from '../lake/duckdb.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { touchedFiles } from '../lake/merge.ts'
import { scan } from '../lake/scan.ts'
import { duckType, type Field, sameType } from '../lake/schema.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { id, join, type Sql, sql, trusted } from '../lake/sql.ts'
import { writeFile } from '../lake/write.ts'
import type { MaskPlan } from '../privacy/mask.ts'
import { positionFields } from './changes.ts'
import { TableHalted } from './collapse.ts'
import { paths, type SilverTables, silverParts } from './silver-parts.ts'
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

/** Makes temp table `state`: what silver, or else a marker, holds of the keys in `changes`. `_path` is the silver file of a live row. */
export async function readState(duck: Duck, lake: Lakehouse, tables: SilverTables): Promise<void> {
  const key = columns(tables.key)
  const at = paths(tables.name)
  const live = await stateRelation(lake, at.current, tables.current, {
    key: tables.key,
    columns: stateColumns,
  })
  const marked = await stateRelation(lake, at.deleted, tables.deleted, { key: tables.key, columns: stateColumns })
  const position = join(positionFields.map(({ name }) => id(name)))
  if (!live && !marked) {
    await duck.run(
      sql`CREATE OR REPLACE TEMP TABLE state AS SELECT ${key}, NULL::TIMESTAMPTZ AS _valid_from, * EXCLUDE (${key}), NULL::VARCHAR AS _path FROM (SELECT ${key}, _source_ts, _partition, _offset, _file, _pos, _row, _gtid, _tx_order, _op, _snapshot FROM changes LIMIT 0)`,
    )
    return
  }
  const relations = [
    live && sql`SELECT ${key}, ${position}, _op, NULL::VARCHAR AS _snapshot, _path, 0 AS _marker FROM ${live}`,
    marked && sql`SELECT ${key}, ${position}, _op, NULL::VARCHAR AS _snapshot, NULL AS _path, 1 AS _marker FROM ${marked}`,
  ].filter(relation => relation !== undefined)
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE state AS
    SELECT * EXCLUDE (_marker) FROM (${join(relations, ' UNION ALL ')}) SEMI JOIN (SELECT DISTINCT ${key} FROM changes) USING (${key})
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

/** Commits temp table `applied` to history, markers and silver, in this order, each unless it has taken `version` already. */
export async function mergeSilver(duck: Duck, lake: Lakehouse, options: MergeOptions): Promise<{ rows: number }> {
  const { tables, mask, bronzeId, version, userMetadata } = options
  const publish: Publish =
    options.publish ?? (async (path, wanted) => void lake.committed(path, await commit(lake.table(path), wanted)))
  const winners = sql`SELECT ${columns(tables.key)} FROM applied WHERE _winner`
  for (const part of silverParts(tables, mask)) {
    // Silver itself is told of every version: its progress decides where the next step begins.
    if (part.taken >= version && part.path !== paths(tables.name).current) continue
    const { path, base, wanted } = part
    const fields = evolved(path, base, wanted)
    const rows = withMissing(part.rows, fields, wanted)
    const changed =
      part.mode === 'append'
        ? { rows }
        : await copyOnWrite(lake, path, { duck, base, fields, keys: winners, keyColumns: tables.key, rows })
    const add = await writeFile(duck, lake.table(path), {
      select: changed.rows,
      fields,
      stats: part.stats,
      ...(part.sortBy ? { sortBy: part.sortBy } : {}),
    })
    await publish(path, {
      base,
      mode: part.mode,
      operation: part.mode === 'append' ? 'STREAMING UPDATE' : 'MERGE',
      metaData: { fields, name: part.name, configuration: part.configuration },
      txns: [{ appId: bronzeId, version: BigInt(version) }],
      ...('removes' in changed ? { removes: changed.removes } : {}),
      adds: add ? [add] : [],
      userMetadata,
    })
  }
  const count = await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM applied`)
  return { rows: Number(count!.n) }
}

/** Copy-on-write: files that hold a changed key are written anew without it, together with the new rows; others stay. */
async function copyOnWrite(
  lake: Lakehouse,
  path: string,
  options: {
    duck: Duck
    base: Snapshot | undefined
    fields: readonly Field[]
    keys: Sql
    keyColumns: readonly string[]
    rows: Sql
  },
): Promise<{ rows: Sql; removes: string[] }> {
  const { duck, base, fields, keys, keyColumns, rows } = options
  const key = columns(keyColumns)
  const removes = base ? await touchedFiles(duck, lake.table(path), base, { keys, keyColumns }) : []
  if (!base || removes.length === 0) return { rows, removes }
  const old = await scan(lake.table(path), base, { files: removes.map(file => base.files.get(file)!) })
  const kept = withMissing(sql`SELECT * FROM ${old} ANTI JOIN (${keys}) USING (${key})`, fields, base.fields)
  return { rows: sql`${kept} UNION ALL BY NAME ${rows}`, removes }
}

/** Columns only ever come: a dropped one stays and is NULL from then on, a new one is added (lake-spec §3.10). */
function evolved(path: string, base: Snapshot | undefined, wanted: readonly Field[]): Field[] {
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

/** Gives `select`, which has the columns `has`, all columns of `fields`: NULL where it lacks one. */
function withMissing(select: Sql, fields: readonly Field[], has: readonly Field[]): Sql {
  const present = new Set(has.map(({ name }) => name))
  const all = fields.map(({ name, type }) =>
    present.has(name) ? id(name) : sql`CAST(NULL AS ${trusted(duckType(type))}) AS ${id(name)}`,
  )
  return sql`SELECT ${join(all)} FROM (${select})`
}

async function stateRelation(
  lake: Lakehouse,
  path: string,
  snapshot: Snapshot | undefined,
  options: { key: readonly string[]; columns: readonly string[] },
): Promise<Sql | undefined> {
  if (!snapshot || snapshot.files.size === 0) return undefined
  return scan(lake.table(path), snapshot, { columns: [...options.key, ...options.columns], fileColumn: '_path' })
}

function columns(names: readonly string[]): Sql {
  return join(names.map(name => id(name)))
}
