// Copy-on-write merge over key ranges: files that hold a changed key are written anew, file by file; all others stay (lake-spec §4).
// Guarantee: memory is bounded by the size of files, not of the table; a batch of new keys alone touches no old file.
import type { Add } from './actions.ts'
import type { Duck } from './duckdb.ts'
import { sizeOf as countsOf } from './facts.ts'
import { failPoint } from './fail-point.ts'
import { fileRanges, high, low } from './file-ranges.ts'
import { type FileSize, fileSize, filesFor } from './file-size.ts'
import { mergeGroups } from './merge-groups.ts'
import { scan } from './scan.ts'
import type { Field } from './schema.ts'
import type { Snapshot } from './snapshot.ts'
import { id, join, type Sql, sql } from './sql.ts'
import type { Table } from './table.ts'
import { withMissing } from './with-missing.ts'
import { filesForRows, keyOf, writeFiles } from './write-files.ts'

export interface MergeFilesOptions {
  /** The version planned on; undefined: there is no table yet. */
  base: Snapshot | undefined
  /** The table's columns from now on. */
  fields: readonly Field[]
  keyColumns: readonly string[]
  /** A query for rows that come or take the place of others: the columns of `fields`, each key once. */
  rows: Sql
  /** A query for the keys whose live rows go, with `_path`, the file that holds each (locate.ts). Keys of `rows` that live are among them. */
  held: Sql
  /** Columns whose bounds may stand in the log. */
  stats: readonly string[]
  /** Default: `fileSize`. */
  sizeOf?: (live: number) => FileSize
}

export interface Merged {
  adds: Add[]
  /** Logged paths. */
  removes: string[]
  /** Bytes of the files removed. */
  rewritten: number
}

/** Writes the files of a merge; nothing of it is visible before a commit with `adds` and `removes`. */
export async function mergeFiles(duck: Duck, table: Table, options: MergeFilesOptions): Promise<Merged> {
  const { base, fields, keyColumns, rows, held, stats, sizeOf = fileSize } = options
  const key = columns(keyColumns)
  const write = { fields, stats, sortBy: key, cutBy: keyColumns }
  if (!base || base.files.size === 0) {
    const files = await filesForRows(duck, table, { select: rows, fields, size: sizeOf })
    return { adds: await writeFiles(duck, table, { ...write, select: rows, files }), removes: [], rewritten: 0 }
  }
  const live = liveOf(base)
  const size = sizeOf(live.bytes)
  const touched = await duck.rows<{ path: string }>(sql`SELECT DISTINCT _path AS path FROM (${held})`)
  const removes = touched.map(({ path }) => path)
  const groups = await grouped(duck, table, { base, keyColumns, touched: removes, size })
  const placed = await place(duck, { ...options, base, groups })
  failPoint('merge:planned')

  const adds: Add[] = []
  for (const { group, rows: added } of placed) {
    if (group === undefined && added === 0) continue
    const old = group === undefined ? [] : groups[group]!.map(path => base.files.get(path)!)
    const bytes = old.reduce((sum, file) => sum + file.size, 0) + added * live.rowBytes
    const select = await groupRows(table, { ...options, base, old, group, all: placed.length === 1 })
    adds.push(...(await writeFiles(duck, table, { ...write, select, files: filesFor(bytes, size) })))
  }
  failPoint('merge:written')
  return { adds, removes, rewritten: removes.reduce((sum, path) => sum + base.files.get(path)!.size, 0) }
}

/** Of a row nothing is known if another writer left the counts out. */
const usualRow = 50

function liveOf(base: Snapshot): { bytes: number; rowBytes: number } {
  const { bytes, rows } = countsOf(base.files.values())
  return { bytes, rowBytes: rows > 0 ? bytes / rows : usualRow }
}

type Grouping = { base: Snapshot; keyColumns: readonly string[]; touched: readonly string[]; size: FileSize }

/** Touched files in groups, by their keys. With several files, makes temp table `merge_files`: all live files, their ranges and groups. */
async function grouped(duck: Duck, table: Table, { base, keyColumns, touched, size }: Grouping): Promise<string[][]> {
  if (touched.length === 0) return []
  if (base.files.size === 1) return [[...touched]]
  await fileRanges(duck, table, base, keyColumns)
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE merge_files AS ${await ranges(table, base, { keyColumns, touched })}`)
  const files = await duck.rows<{ path: string; overlaps: boolean; adjacent: boolean }>(sql`
    WITH ordered AS (SELECT path, touched, low, high, count(*) FILTER (NOT touched) OVER (ORDER BY low, high, path) AS staying FROM merge_files)
    SELECT path, coalesce(low <= max(high) OVER before, false) AS overlaps, coalesce(staying = lag(staying) OVER before, false) AS adjacent
    FROM ordered WHERE touched WINDOW before AS (ORDER BY low, high, path ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) ORDER BY low, high, path`)
  const groups = mergeGroups(
    files.map(file => ({ ...file, size: base.files.get(file.path)!.size })),
    size,
  )
  const members = groups.flatMap((paths, group) => paths.map(path => sql`(${path}, ${group})`))
  await duck.run(sql`ALTER TABLE merge_files ADD COLUMN _group INTEGER`)
  await duck.run(
    sql`UPDATE merge_files SET _group = members._group FROM (VALUES ${join(members)}) AS members(path, _group) WHERE merge_files.path = members.path`,
  )
  return groups
}

/** `path, touched, low, high`. A box says little of a key of several columns, so of touched files, which are read anyway, keys are asked. */
async function ranges(
  table: Table,
  base: Snapshot,
  { keyColumns, touched }: Pick<Grouping, 'keyColumns' | 'touched'>,
): Promise<Sql> {
  const isTouched = sql`list_contains(${[...touched]}, path)`
  if (keyColumns.length === 1) return sql`SELECT path, ${isTouched} AS touched, low0 AS low, high0 AS high FROM file_ranges`
  const box = (side: (i: number) => Sql) => {
    const known = join(
      keyColumns.map((_, i) => sql`${side(i)} IS NOT NULL`),
      ' AND ',
    )
    return sql`CASE WHEN ${known} THEN ${keyOf(keyColumns.map((_, i) => side(i)))} END`
  }
  const keys = await scan(table, base, {
    files: touched.map(path => base.files.get(path)!),
    columns: keyColumns,
    fileColumn: '_path',
  })
  return sql`SELECT path, false AS touched, ${box(low)} AS low, ${box(high)} AS high FROM file_ranges WHERE NOT ${isTouched}
    UNION ALL SELECT _path, true, min(${keyOf(keyColumns)}), max(${keyOf(keyColumns)}) FROM ${keys} GROUP BY _path`
}

type Placing = MergeFilesOptions & { base: Snapshot; groups: readonly string[][] }

/**
 * Makes temp table `merge_placed`: the group of each key, NULL for those that go to files of their own. Counts the rows that come to each
 * beyond those they replace. Nothing is made where there is one place only.
 */
async function place(duck: Duck, options: Placing): Promise<{ group: number | undefined; rows: number }[]> {
  const { base, groups, keyColumns, rows, held } = options
  const key = columns(keyColumns)
  const only = groups.length === 0 ? { group: undefined } : base.files.size === 1 ? { group: 0 } : undefined
  if (only) {
    const count = await duck.row<{ n: bigint }>(
      sql`SELECT count(*) AS n FROM (SELECT ${key} FROM (${rows})) ANTI JOIN (${held}) USING (${key})`,
    )
    return [{ ...only, rows: Number(count!.n) }]
  }
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE merge_placed AS WITH lanes AS MATERIALIZED (${lanes})
    SELECT ${columns(keyColumns, 'held')}, file._group, false AS _new FROM (${held}) AS held JOIN merge_files AS file ON held._path = file.path
    UNION ALL ${newKeys(sql`SELECT ${key} FROM (${rows}) ANTI JOIN (${held}) USING (${key})`, keyColumns)}`)
  const counts = await duck.rows<{ _group: number | null; n: bigint }>(
    sql`SELECT _group, count(*) FILTER (_new) AS n FROM merge_placed GROUP BY _group ORDER BY _group`,
  )
  return counts.map(({ _group, n }) => ({ group: _group ?? undefined, rows: Number(n) }))
}

/**
 * A new key goes to the group whose range holds it, or else to the one before or behind it if no file that stays lies in between, so that
 * ranges which do not overlap go on so. All others go to files of their own, and so do all outside of ranges if one is not known.
 */
function newKeys(keys: Sql, keyColumns: readonly string[]): Sql {
  const value = keyOf(keyColumns.map(name => id('fresh', name)))
  return sql`
    SELECT ${columns(keyColumns, 'fresh')}, CASE
        WHEN ${value} <= lane.high THEN lane._group
        WHEN (SELECT bool_or(low IS NULL OR high IS NULL) FROM merge_files) THEN NULL
        WHEN lane._group IS NULL THEN (SELECT CASE WHEN since IS NULL OR ${value} > since THEN _group END FROM lanes ORDER BY low LIMIT 1)
        WHEN lane.until IS NULL OR ${value} < lane.until THEN lane._group
        WHEN lane.next_since IS NULL OR ${value} > lane.next_since THEN lane.next
      END AS _group, true AS _new
    FROM (${keys}) AS fresh ASOF LEFT JOIN lanes AS lane ON ${value} >= lane.low`
}

/** Each group's range; `until`, `since`: where the files begin and end that stay behind and before it. */
const lanes = sql`
  SELECT *, lead(_group) OVER (ORDER BY low) AS next, lead(since) OVER (ORDER BY low) AS next_since
  FROM (
    SELECT *, (SELECT min(low) FROM merge_files AS staying WHERE NOT touched AND staying.high > lane.high) AS until,
      (SELECT max(high) FROM merge_files AS staying WHERE NOT touched AND staying.low < lane.low) AS since
    FROM (SELECT _group, min(low) AS low, max(high) AS high FROM merge_files WHERE touched GROUP BY _group) AS lane
  )`

type Group = Pick<MergeFilesOptions, 'fields' | 'keyColumns' | 'rows' | 'held'> & {
  base: Snapshot
  old: readonly Add[]
  group: number | undefined
  /** Whether the batch goes to this place only. */
  all: boolean
}

/** The rows of a place: what its old files keep, and what of the batch belongs there. */
async function groupRows(table: Table, { base, fields, keyColumns, rows, held, old, group, all }: Group): Promise<Sql> {
  const key = columns(keyColumns)
  const here = sql`SELECT ${key} FROM merge_placed WHERE _group IS NOT DISTINCT FROM ${group ?? null}`
  const added = all ? rows : sql`SELECT * FROM (${rows}) SEMI JOIN (${here}) USING (${key})`
  if (old.length === 0) return added
  const gone = all ? sql`SELECT ${key} FROM (${held})` : here
  const kept = sql`SELECT * FROM ${await scan(table, base, { files: old })} ANTI JOIN (${gone}) USING (${key})`
  return sql`${withMissing(kept, fields, base.fields)} UNION ALL BY NAME ${added}`
}

function columns(names: readonly string[], of?: string): Sql {
  return join(names.map(name => (of === undefined ? id(name) : id(of, name))))
}
