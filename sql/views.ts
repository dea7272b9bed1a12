// The SQL that a table of the lake stands for in queries.
// Guarantee: a history view has at most one current row a key, and none for a key whose newest change is a deletion.
import { id, join, type Sql, sql } from '../lake/sql.ts'

/** Columns of every history table (design, Columns); they order and close the versions of a key. */
const historyColumns = ['_op', '_seq', '_valid_from']

export interface ViewOptions {
  /** Where the view goes: schema and name as the query spells them. */
  schema: string
  name: string
  /** The table's rows, a parenthesised query (lake/scan.ts). */
  rows: Sql
  columns: readonly string[]
  /** Key columns of the silver table that this is the history of. */
  historyOf?: readonly string[] | undefined
  /** Read the rows now, not when the query runs. */
  copy?: boolean
}

/** The statement that makes a table's view. A history gets `_valid_to` (exclusive) and `_is_current`. */
export function viewOf({ schema, name, rows, columns, historyOf, copy = false }: ViewOptions): Sql {
  const body = historyOf && isHistory(columns) && historyOf.length > 0 ? history(rows, historyOf) : sql`SELECT * FROM ${rows}`
  return sql`CREATE ${copy ? sql`TABLE` : sql`VIEW`} ${id(schema, name)} AS ${body}`
}

export function isHistory(columns: readonly string[]): boolean {
  return historyColumns.every(column => columns.includes(column))
}

/** The key columns that a silver table's properties name; undefined for a table without a key. */
export function primaryKey(configuration: Record<string, string>): string[] | undefined {
  const text = configuration['cdc.primaryKey']
  return text === undefined ? undefined : (JSON.parse(text) as string[])
}

/** The last change of each key, of a history's rows: `live` those that are rows of the table then, else those that ended one. */
export function lastChanges(rows: Sql, options: { key: readonly string[]; columns: readonly string[]; live: boolean }): Sql {
  const { key, columns, live } = options
  const ended = sql`_op ${live ? sql`NOT IN` : sql`IN`} ('d', 't')`
  // A key's `_valid_from` never runs backwards; `_seq` tells apart what happened at one moment.
  return sql`(SELECT ${join(columns.map(name => id(name)))} FROM ${rows}
    QUALIFY row_number() OVER (PARTITION BY ${join(key.map(name => id(name)))} ORDER BY _valid_from DESC, _seq DESC, _op = 'd' DESC) = 1 AND ${ended})`
}

/** Silver's rows without the keys that the tail touches, and the tail's newest rows that are not deletions. Either may be missing. */
export function liveRows(options: { silver: Sql | undefined; tail: Sql | undefined; key: readonly string[] }): Sql {
  const { silver, tail, key } = options
  const keys = join(key.map(name => id(name)))
  const parts = [
    silver &&
      (tail
        ? sql`SELECT * FROM ${silver} ANTI JOIN (SELECT ${keys} FROM ${tail}) USING (${keys})`
        : sql`SELECT * FROM ${silver}`),
    tail && sql`SELECT * FROM ${tail} WHERE _op NOT IN ('d', 't')`,
  ].filter(part => part !== undefined)
  return sql`(${join(parts, ' UNION ALL BY NAME ')})`
}

function history(rows: Sql, key: readonly string[]): Sql {
  // A row may have moved to another partition, whose offsets are lower (lastChanges). A sweep may stand at its row's last event (snapshots/apply-sweep.ts).
  const versions = sql`(PARTITION BY ${join(key.map(column => id(column)))} ORDER BY _valid_from, _seq, _op = 'd')`
  return sql`SELECT *, _valid_to IS NULL AND _op NOT IN ('d', 't') AS _is_current
    FROM (SELECT *, lead(_valid_from) OVER ${versions} AS _valid_to FROM ${rows})`
}
