// A row that a snapshot read again and found as it was: silver learns its new place, history gets no version (cdc-spec §2.4, Snapshot `r`).
// Guarantee: only rows that a snapshot read are compared; a stream of changes costs one look at its operations.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { locate } from '../../lake/locate.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import type { MaskPlan } from '../../privacy/mask.ts'
import { paths, type SilverTables } from '../silver-parts.ts'
import { unchangedMark } from './marks.ts'

/** Marks them in temp table `applied`, and lets them begin when their row began. Temp table `state` is as `collapse` read it. */
export async function markUnchanged(
  duck: Duck,
  mask: MaskPlan,
  {
    tables,
    silver,
    arrivals,
  }: { tables: SilverTables; silver: Lakehouse /** As `collapse` has it. */; arrivals?: Sql | undefined },
): Promise<void> {
  if (!(await duck.row(sql`SELECT 1 FROM applied WHERE _op = 'r' LIMIT 1`))) return
  const key = columns(tables.key)
  // Most keys of a first snapshot are met once, and never before.
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE read_again AS
    SELECT DISTINCT ${key} FROM applied WHERE _op = 'r' AND ((${key}) IN (SELECT (${key}) FROM state WHERE _path IS NOT NULL)
      OR (${key}) IN (SELECT (${key}) FROM applied GROUP BY ALL HAVING count(*) > 1))`)
  const own = mask.columns.map(({ name }) => name)
  const has = new Set((await duck.rows<{ column_name: string }>(sql`DESCRIBE applied`)).map(({ column_name }) => column_name))
  const epoch = (of: Sql) => (has.has('_epoch') ? sql`coalesce(${of}_epoch, 0)` : sql`0`)
  const order = sql`${epoch(sql``)}, _arrived, _partition, _offset`
  const window = sql`(PARTITION BY ${key} ORDER BY _held DESC, ${order})`
  // Within one partition offsets tell the order; between several, when each change came.
  const arrived = arrivals ? sql`LEFT JOIN ${arrivals} USING (_epoch, _partition, _offset)` : sql``
  const changes = sql`(SELECT applied.*${arrivals ? sql`, _arrived` : sql`, NULL::TIMESTAMPTZ AS _arrived`} FROM applied ${arrived})`
  const place = ['_partition', '_offset', ...(has.has('_epoch') ? ['_epoch'] : [])]
  const values = sql`row(${columns(own)})`
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE unchanged AS
    SELECT ${key}, ${columns(place)} FROM (
      SELECT *, lag(_op) OVER ${window} AS _before_op, lag(${values}) OVER ${window} AS _before FROM (
        SELECT ${columns(own)}, ${columns(place)}, _op, false AS _held, _arrived FROM ${changes} SEMI JOIN read_again USING (${key})
        ${await heldBefore(duck, { tables, silver, own, place })}))
    WHERE _op = 'r' AND NOT _held AND _before_op NOT IN ('d', 't') AND _before IS NOT DISTINCT FROM ${values}`)
  if (!(await duck.row(sql`SELECT 1 FROM unchanged LIMIT 1`))) return
  const same = join(
    [...tables.key, ...place].map(name => sql`applied.${id(name)} = found.${id(name)}`),
    ' AND ',
  )
  await duck.run(sql`UPDATE applied SET _snapshot = ${unchangedMark} FROM unchanged AS found WHERE ${same} AND _op = 'r'`)
  await duck.run(sql`UPDATE applied SET _valid_from = found._since FROM (
      SELECT ${columns(tables.key, 'row')}, ${columns(place, 'row')},
        greatest(state._valid_from, max(row._source_ts) FILTER (row._snapshot IS DISTINCT FROM ${unchangedMark}) OVER (PARTITION BY ${columns(tables.key, 'row')}
          ORDER BY ${epoch(sql`row.`)}, row._arrived, row._partition, row._offset ROWS UNBOUNDED PRECEDING)) AS _since
      FROM ${changes} AS row SEMI JOIN unchanged USING (${key}) LEFT JOIN state USING (${key})
    ) AS found WHERE ${same}`)
}

/** The rows of silver that were read again, as versions before all others. */
async function heldBefore(
  duck: Duck,
  { tables, silver, own, place }: { tables: SilverTables; silver: Lakehouse; own: readonly string[]; place: readonly string[] },
): Promise<Sql> {
  if (!tables.current) return sql``
  const known = new Set(tables.current.fields.map(({ name }) => name))
  const rows = await locate(duck, silver.table(paths(tables.name).current), tables.current, {
    keys: sql`SELECT ${columns(tables.key)} FROM read_again`,
    keyColumns: tables.key,
    columns: own.filter(name => known.has(name) && !tables.key.includes(name)),
  })
  if (!rows) return sql``
  const values = own.map(name => (known.has(name) ? id(name) : sql`NULL`))
  return sql`UNION ALL SELECT ${join([...values, ...place.map(() => sql`NULL`)])}, 'c', true, NULL FROM ${rows}`
}

function columns(names: readonly string[], table?: string): Sql {
  return join(names.map(name => (table ? id(table, name) : id(name))))
}
