// Silver: the current row of every key, its history (SCD type 4), and markers of deleted keys, merged copy-on-write.
// Guarantee: each of the three tables takes a bronze version exactly once; silver's own progress decides where to go on.
import type { Add } from '../lake/actions.ts'
import { commit } from '../lake/commit.ts'
import type { Duck } from '../lake/duckdb.ts'
import type { Lakehouse } from '../lake/lakehouse.ts'
import { tablePath } from '../lake/layout.ts'
import { loadSnapshot } from '../lake/log.ts'
import { scan } from '../lake/scan.ts'
import { duckType, type Field, field, sameType } from '../lake/schema.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { id, join, type Sql, sql, trusted } from '../lake/sql.ts'
import { writeFile } from '../lake/write.ts'
import type { MaskPlan } from '../privacy/mask.ts'
import { positionFields } from './changes.ts'
import { TableHalted } from './collapse.ts'
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
}

export const paths = (name: TableName) => ({
  current: tablePath('silver', name),
  history: tablePath('silver', name, '_history'),
  deleted: tablePath('silver', name, '_deleted'),
})

const historyFields = [field('_op', 'string'), field('_seq', 'long')]
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
  const taken = (snapshot: Snapshot | undefined) => Number(snapshot?.txns.get(options.bronzeId) ?? -1)
  const all = { current: taken(current), history: taken(history), deleted: taken(newestDeleted) }
  return {
    name,
    key: options.key,
    current,
    history,
    deleted: await markersAt(lake, at.deleted, newestDeleted, { bronzeId: options.bronzeId, taken: all.current }),
    taken: all,
  }
}

/** Makes temp table `state`: what silver, or else a marker, holds of the keys in `changes`. `_path` is the silver file of a live row. */
export async function readState(duck: Duck, lake: Lakehouse, tables: SilverTables): Promise<void> {
  const key = columns(tables.key)
  const at = paths(tables.name)
  const live = await stateRelation(lake, at.current, tables.current, {
    key: tables.key,
    columns: positionFields.map(({ name }) => name),
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
    live && sql`SELECT ${key}, ${position}, 'c' AS _op, NULL::VARCHAR AS _snapshot, _path, 0 AS marker FROM ${live}`,
    marked && sql`SELECT ${key}, ${position}, _op, NULL::VARCHAR AS _snapshot, NULL AS _path, 1 AS marker FROM ${marked}`,
  ].filter(relation => relation !== undefined)
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE state AS
    SELECT * EXCLUDE (marker) FROM (${join(relations, ' UNION ALL ')}) SEMI JOIN (SELECT DISTINCT ${key} FROM changes) USING (${key})
    QUALIFY row_number() OVER (PARTITION BY ${key} ORDER BY marker) = 1`)
}

/** Commits temp table `applied` to history, markers and silver, in this order, each unless it has taken `version` already. */
export async function mergeSilver(
  duck: Duck,
  lake: Lakehouse,
  options: { tables: SilverTables; mask: MaskPlan; bronzeId: string; version: number; userMetadata: string },
): Promise<{ rows: number; current: Snapshot }> {
  const { tables, mask, bronzeId, version, userMetadata } = options
  const at = paths(tables.name)
  const key = columns(tables.key)
  const configuration = { 'cdc.primaryKey': JSON.stringify(tables.key), 'binlake.policy': mask.fingerprint }
  const txns = [{ appId: bronzeId, version: BigInt(version) }]
  const own = mask.columns.map(({ name, delta }) => field(name, delta))

  if (tables.taken.history < version) {
    const fields = evolved(at.history, tables.history, [...own, ...historyFields, ...positionFields])
    const select = sql`SELECT *, _offset AS _seq FROM applied`
    const add = await writeFile(duck, lake.table(at.history), {
      select: withMissing(select, fields, [...own, ...historyFields, ...positionFields]),
      fields,
    })
    lake.committed(
      at.history,
      await commit(lake.table(at.history), {
        base: tables.history,
        mode: 'append',
        operation: 'STREAMING UPDATE',
        metaData: { fields, name: `${tables.name.table}_history`, configuration },
        txns,
        adds: add ? [add] : [],
        userMetadata,
      }),
    )
  }

  if (tables.taken.deleted < version) {
    const fields = [...own.filter(({ name }) => tables.key.includes(name)), ...positionFields, field('_op', 'string')]
    const gone = sql`SELECT ${columns(fields.map(({ name }) => name))} FROM applied WHERE _winner AND _op IN ('d', 't')`
    const merged = await merge(duck, lake, at.deleted, {
      base: tables.deleted,
      fields,
      keys: sql`SELECT ${key} FROM applied WHERE _winner`,
      key,
      rows: gone,
    })
    lake.committed(
      at.deleted,
      await commit(lake.table(at.deleted), {
        base: tables.deleted,
        mode: 'merge',
        operation: 'MERGE',
        metaData: { fields, name: `${tables.name.table}_deleted`, configuration },
        txns,
        ...merged,
        userMetadata,
      }),
    )
  }

  const fields = evolved(at.current, tables.current, [...own, ...positionFields])
  const rows = withMissing(sql`SELECT * FROM applied WHERE _winner AND _op NOT IN ('d', 't')`, fields, [
    ...own,
    ...positionFields,
  ])
  const merged = await merge(duck, lake, at.current, {
    base: tables.current,
    fields,
    keys: sql`SELECT ${key} FROM applied WHERE _winner`,
    key,
    rows,
  })
  const current = await commit(lake.table(at.current), {
    base: tables.current,
    mode: 'merge',
    operation: 'MERGE',
    metaData: { fields, name: tables.name.table, configuration },
    txns,
    ...merged,
    userMetadata,
  })
  lake.committed(at.current, current)
  const [count] = await duck.rows<{ n: bigint }>(sql`SELECT count(*) AS n FROM applied`)
  return { rows: Number(count!.n), current }
}

/** Copy-on-write: files that hold a changed key are written anew without it, together with the new rows; others stay. */
async function merge(
  duck: Duck,
  lake: Lakehouse,
  path: string,
  options: { base: Snapshot | undefined; fields: readonly Field[]; keys: Sql; key: Sql; rows: Sql },
): Promise<{ removes: string[]; adds: Add[] }> {
  const { base, fields, keys, key, rows } = options
  const removes = base ? await touchedFiles(duck, lake, path, { base, keys, key }) : []
  const kept =
    base && removes.length > 0
      ? sql`SELECT ${columns(fields.map(({ name }) => name))} FROM (${withMissing(sql`SELECT * FROM ${await scan(lake.table(path), base, { files: removes.map(file => base.files.get(file)!) })}`, fields, base.fields)}) ANTI JOIN (${keys}) USING (${key}) UNION ALL BY NAME`
      : sql``
  const add = await writeFile(duck, lake.table(path), { select: sql`${kept} ${rows}`, fields, sortBy: key })
  return { removes, adds: add ? [add] : [] }
}

async function touchedFiles(
  duck: Duck,
  lake: Lakehouse,
  path: string,
  { base, keys, key }: { base: Snapshot; keys: Sql; key: Sql },
): Promise<string[]> {
  const names = JSON.parse(base.metaData.configuration['cdc.primaryKey'] ?? '[]') as string[]
  const located = await scan(lake.table(path), base, { columns: names, fileColumn: '_path' })
  const rows = await duck.rows<{ path: string }>(
    sql`SELECT DISTINCT _path AS path FROM ${located} SEMI JOIN (${keys}) USING (${key})`,
  )
  return rows.map(row => row.path)
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

/** The markers as they were when silver took its last bronze version: a crash may have left them one step ahead. */
async function markersAt(
  lake: Lakehouse,
  path: string,
  newest: Snapshot | undefined,
  options: { bronzeId: string; taken: number },
): Promise<Snapshot | undefined> {
  let snapshot = newest
  while (snapshot && Number(snapshot.txns.get(options.bronzeId) ?? -1) > options.taken) {
    if (snapshot.version === 0) return undefined
    snapshot = await loadSnapshot(lake.table(path), { version: snapshot.version - 1 })
  }
  return snapshot
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
