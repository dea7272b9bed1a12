// What silver holds of one key: its row or its marker, with the file and the commit they are in, and its versions in history.
// Guarantee: reads the files that may hold the key, and no others.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { locate } from '../../lake/locate.ts'
import { readCommit } from '../../lake/log.ts'
import { scan } from '../../lake/scan.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, sql } from '../../lake/sql.ts'
import { ownNames } from '../own-columns.ts'
import { paths, type SilverTables } from '../silver-parts.ts'

/** A row of silver or a marker, and where it is. */
export interface HeldRow {
  /** The table's path, its version now, the data file, and the version that brought the file; undefined: the log no longer tells. */
  table: string
  version: number
  file: string
  since: number | undefined
  partition: number
  offset: bigint
  validFrom: Date
  /** The source's columns as text, as silver shows them; only if they were asked for. */
  values?: Record<string, string | null>
}

export interface HistoryVersion {
  op: string
  seq: bigint
  partition: number
  validFrom: Date
  /** Null: still valid, or ended by nothing. */
  validTo: Date | null
  values?: Record<string, string | null>
}

export interface SilverOfKey {
  row: HeldRow | undefined
  marker: HeldRow | undefined
  history: HistoryVersion[]
}

/** Of the one key in temp table `asked_keys`. */
export async function silverOfKey(
  duck: Duck,
  lake: Lakehouse,
  { tables, values }: { tables: SilverTables; values: boolean },
): Promise<SilverOfKey> {
  const at = paths(tables.name)
  return {
    row: await held(duck, lake, { path: at.current, snapshot: tables.current, key: tables.key, values }),
    marker: await held(duck, lake, { path: at.deleted, snapshot: tables.deleted, key: tables.key, values }),
    history: await versions(duck, lake, { path: at.history, snapshot: tables.history, key: tables.key, values }),
  }
}

interface Looking {
  path: string
  snapshot: Snapshot | undefined
  key: readonly string[]
  values: boolean
}

async function held(duck: Duck, lake: Lakehouse, { path, snapshot, key, values }: Looking): Promise<HeldRow | undefined> {
  if (!snapshot) return undefined
  const columns = snapshot.fields.map(({ name }) => name).filter(name => !key.includes(name))
  const rows = await locate(duck, lake.table(path), snapshot, { keys: sql`SELECT * FROM asked_keys`, keyColumns: key, columns })
  if (!rows) return undefined
  const row = await duck.row<{ file: string; partition: number; offset: bigint; from: Date; own: string }>(sql`
    SELECT _path AS file, _partition AS partition, _offset AS "offset", _valid_from AS "from", ${shown(snapshot)} AS own FROM ${rows} LIMIT 1`)
  if (!row) return undefined
  const place = { table: path, version: snapshot.version, file: row.file, since: await broughtBy(lake, path, snapshot, row.file) }
  return {
    ...place,
    partition: row.partition,
    offset: row.offset,
    validFrom: row.from,
    ...(values ? { values: JSON.parse(row.own) as Record<string, string | null> } : {}),
  }
}

async function versions(duck: Duck, lake: Lakehouse, { path, snapshot, key, values }: Looking): Promise<HistoryVersion[]> {
  if (!snapshot) return []
  const columns = join(key.map(name => id(name)))
  const rows = await duck.rows<Omit<HistoryVersion, 'values'> & { own: string }>(sql`
    SELECT _op AS op, _seq AS seq, _partition AS partition, _valid_from AS "validFrom", lead(_valid_from) OVER (ORDER BY _valid_from, _seq) AS "validTo", ${shown(snapshot)} AS own
    FROM (SELECT * FROM ${await scan(lake.table(path), snapshot)} SEMI JOIN asked_keys USING (${columns})) ORDER BY "validFrom", seq`)
  return rows.map(({ own, ...row }) => ({
    ...row,
    ...(values ? { values: JSON.parse(own) as Record<string, string | null> } : {}),
  }))
}

/** The source's columns as one JSON object of texts. */
function shown({ fields }: Snapshot) {
  const own = fields.filter(({ name }) => !ownNames.has(name))
  const pairs = own.map(({ name }) => sql`${name}, ${id(name)}::VARCHAR`)
  return pairs.length === 0 ? sql`'{}'` : sql`json_object(${join(pairs)})::VARCHAR`
}

/** Versions looked through for the one that brought a file. */
const depth = 1_000

async function broughtBy(lake: Lakehouse, path: string, { version }: Snapshot, file: string): Promise<number | undefined> {
  for (let at = version; at >= 0 && at > version - depth; at--) {
    const commit = await readCommit(lake.table(path), at)
    if (!commit) return undefined
    if (commit.adds.some(add => add.path === file)) return at
  }
  return undefined
}
