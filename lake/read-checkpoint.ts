// Reads a classic checkpoint, in one file or in parts: every action that was live at its version (lake-spec §3.7).
// Guarantee: actions come out as a commit file would hold them: what is absent is absent, 64-bit numbers and statistics are exact.
import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join as joinPath } from 'node:path'
import { type Add, type Commit, parseCommit, type Remove, type Txn } from './actions.ts'
import { Duck } from './duckdb.ts'
import { each } from './each.ts'
import { LakeError } from './lake-error.ts'
import type { CheckpointPlace } from './log-list.ts'
import { checkpointPartPath, checkpointPath } from './path.ts'
import { id, join, type Sql, sql } from './sql.ts'
import type { Table } from './table.ts'

/**
 * The checkpoint's actions, or undefined if one of its objects is gone. Opens a small DuckDB for the time of the call: tables are opened rarely.
 * Throws LAKE_CORRUPT_LOG; LAKE_UNSUPPORTED_TABLE for one of V2 form, whose actions lie elsewhere.
 */
export async function readCheckpoint(table: Table, place: CheckpointPlace): Promise<Commit | undefined> {
  const paths = pathsOf(table, place)
  // Not through the cache: a table deleted and made again has another checkpoint of the same name.
  const objects = await each(paths, 4, path => table.store.get(path))
  if (objects.includes(undefined)) return undefined
  const files = paths.map(() => joinPath(table.store.scratch, `checkpoint-${randomUUID()}.parquet`))
  await using duck = await Duck.open({ threads: 1 })
  try {
    for (const [i, file] of files.entries()) await writeFile(file, objects[i]!, { flag: 'wx', mode: 0o600 })
    return await readActions(duck, files, place.version)
  } catch (cause) {
    if (cause instanceof LakeError) throw cause
    throw new LakeError('LAKE_CORRUPT_LOG', `${paths[0]} could not be read as a checkpoint`, { cause })
  } finally {
    await Promise.all(files.map(file => rm(file, { force: true })))
  }
}

function pathsOf(table: Table, { version, parts }: CheckpointPlace): string[] {
  if (parts === undefined) return [checkpointPath(table, version)]
  return Array.from({ length: parts }, (_, i) => checkpointPartPath(table, version, { part: i + 1, parts }))
}

async function readActions(duck: Duck, files: string[], version: number): Promise<Commit> {
  const source = sql`read_parquet(${files}, union_by_name = true)`
  const columns = await duck.rows<{ column_name: string }>(sql`SELECT column_name FROM (DESCRIBE FROM ${source})`)
  const present = new Set(columns.map(({ column_name }) => column_name))
  const single = ['protocol', 'metaData'].filter(kind => present.has(kind))
  const lines = await duck.rows<{ line: string }>(
    join(
      single.map(
        kind => sql`SELECT json_object(${kind}, ${id(kind)})::VARCHAR AS line FROM ${source} WHERE ${id(kind)} IS NOT NULL`,
      ),
      ' UNION ALL ',
    ),
  )
  if (present.has('sidecar') && (await kindOf(duck, source, 'sidecar')).size > 0) {
    throw new LakeError('LAKE_UNSUPPORTED_TABLE', `its checkpoint of version ${version} keeps its actions in side files (V2)`)
  }
  const { protocol, metaData } = parseCommit(version, lines.map(({ line }) => line).join('\n'))
  return {
    version,
    ...(protocol ? { protocol } : {}),
    ...(metaData ? { metaData } : {}),
    txns: present.has('txn') ? await readTxns(duck, source) : [],
    removes: present.has('remove') ? await readRemoves(duck, source) : [],
    adds: present.has('add') ? await readAdds(duck, source) : [],
  }
}

/** The fields of one kind of action as this checkpoint has them; empty if it holds none of the kind. */
async function kindOf(duck: Duck, source: Sql, kind: string): Promise<Set<string>> {
  const row = await duck.row<{ keys: string[] }>(
    sql`SELECT json_keys(to_json(${id(kind)})) AS keys FROM ${source} WHERE ${id(kind)} IS NOT NULL LIMIT 1`,
  )
  return new Set(row?.keys)
}

async function readTxns(duck: Duck, source: Sql): Promise<Txn[]> {
  return duck.rows<{ appId: string; version: bigint }>(
    sql`SELECT txn."appId" AS "appId", txn.version AS version FROM ${source} WHERE txn IS NOT NULL`,
  )
}

type FileRow = [path: string, partition: string | null, size: number | null]

async function readAdds(duck: Duck, source: Sql): Promise<Add[]> {
  const has = await kindOf(duck, source, 'add')
  if (has.size === 0) return []
  const stats = has.has('stats') ? sql`add.stats` : sql`NULL`
  // A writer may keep statistics as columns only; of these just the count is sure to come back exact.
  const counted = has.has('stats_parsed') ? sql`'{"numRecords":' || add.stats_parsed."numRecords" || '}'` : sql`NULL`
  const rows = await tuples<[...FileRow, modified: number | null, stats: string | null, tags: Record<string, string> | null]>(
    duck,
    {
      from: sql`${source} WHERE add IS NOT NULL`,
      values: [
        sql`add.path`,
        sql`add."partitionValues"::JSON::VARCHAR`,
        sql`add.size`,
        sql`add."modificationTime"`,
        sql`coalesce(${stats}, ${counted})`,
        has.has('tags') ? sql`nullif(add.tags, MAP {})` : sql`NULL`,
      ],
    },
  )
  const values = partitions()
  return rows.map(([path, partition, size, modified, stats, tags]) => ({
    path,
    partitionValues: values(partition),
    size: size ?? 0,
    modificationTime: modified ?? 0,
    dataChange: false,
    ...(stats === null ? {} : { stats }),
    ...(tags === null ? {} : { tags }),
  }))
}

async function readRemoves(duck: Duck, source: Sql): Promise<Remove[]> {
  const has = await kindOf(duck, source, 'remove')
  if (has.size === 0) return []
  const optional = (name: string, value: Sql) => (has.has(name) ? value : sql`NULL`)
  const rows = await tuples<[...FileRow, deleted: number | null, extended: boolean | null]>(duck, {
    from: sql`${source} WHERE remove IS NOT NULL`,
    values: [
      sql`remove.path`,
      optional('partitionValues', sql`remove."partitionValues"::JSON::VARCHAR`),
      optional('size', sql`remove.size`),
      optional('deletionTimestamp', sql`remove."deletionTimestamp"`),
      optional('extendedFileMetadata', sql`remove."extendedFileMetadata"`),
    ],
  })
  const values = partitions()
  return rows.map(([path, partition, size, deleted, extended]) => ({
    path,
    ...(deleted === null ? {} : { deletionTimestamp: deleted }),
    dataChange: false,
    ...(extended === null ? {} : { extendedFileMetadata: extended }),
    ...(partition === null ? {} : { partitionValues: values(partition) }),
    ...(size === null ? {} : { size }),
  }))
}

/** Rows as arrays of JSON values, by way of few long texts: twice as fast as value by value. */
async function tuples<Row>(duck: Duck, { from, values }: { from: Sql; values: Sql[] }): Promise<Row[]> {
  const texts = await duck.rows<{ text: string }>(sql`
    SELECT to_json(list(line))::VARCHAR AS text
    FROM (SELECT json_array(${join(values)}) AS line, row_number() OVER () // 20000 AS block FROM ${from})
    GROUP BY block ORDER BY block`)
  return texts.flatMap(({ text }) => JSON.parse(text) as Row[])
}

/** Files of one partition share one object of its values: most tables have few partitions and many files. */
function partitions(): (text: string | null) => Record<string, string | null> {
  const known = new Map<string, Record<string, string | null>>()
  return text => {
    if (text === null) return {}
    const values = known.get(text) ?? (JSON.parse(text) as Record<string, string | null>)
    known.set(text, values)
    return values
  }
}
