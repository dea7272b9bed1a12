// What silver and its markers hold of a table without a key: the copies of some rows, or of all, and how far its events were counted.
// Guarantee: temp tables of the shape that `readState` gives for a table with a key.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { locate } from '../../lake/locate.ts'
import { scan } from '../../lake/scan.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql } from '../../lake/sql.ts'
import { paths, type SilverTables } from '../silver-parts.ts'
import { copyKey } from './copies.ts'
import { positions } from './judge-events.ts'

const stateColumns = [...positions.filter(name => name !== '_snapshot'), '_valid_from']
const columns = (names: readonly string[]) => join(names.map(name => id(name)))

/** Temp table `marks`: `mark`, and the columns of its marker with `_path`, its file. Marks are kept as copies below 0 (marks.ts). */
export async function readMarks(duck: Duck, silver: Lakehouse, tables: SilverTables): Promise<void> {
  const { deleted } = tables
  const at = paths(tables.name).deleted
  const rows = deleted ? sql`${await scan(silver.table(at), deleted, { fileColumn: '_path' })} WHERE _copy < 0` : nothing('_path')
  await duck.run(
    sql`CREATE OR REPLACE TEMP TABLE marks AS SELECT _row_hash AS mark, ${columns(stateColumns)}, _path FROM ${rows}`,
  )
}

/** Temp table `state` of the hashes that the query `wanted` gives, or of all; with the marks. */
export async function readCopies(
  duck: Duck,
  silver: Lakehouse,
  { tables, wanted }: { tables: SilverTables; wanted: Sql | undefined },
): Promise<void> {
  const at = paths(tables.name)
  const find = async (path: string, snapshot: Snapshot | undefined) => {
    if (!snapshot) return nothing('_path')
    const table = silver.table(path)
    const columns = [copyKey[1]!, ...stateColumns]
    if (!wanted) return scan(table, snapshot, { columns: [copyKey[0]!, ...columns], fileColumn: '_path' })
    return (await locate(duck, table, snapshot, { keys: wanted, keyColumns: [copyKey[0]!], columns })) ?? nothing('_path')
  }
  const both = sql`${columns(copyKey)}, ${columns(stateColumns)}`
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE state AS
    WITH found AS (
      SELECT ${both}, _path, NULL::VARCHAR AS _marker_path FROM ${await find(at.current, tables.current)}
      UNION ALL SELECT ${both}, NULL, _path FROM ${await find(at.deleted, tables.deleted)} WHERE _copy > 0
      UNION ALL SELECT mark, -1, ${columns(stateColumns)}, NULL, _path FROM marks
    )
    SELECT * REPLACE (max(_marker_path) OVER (PARTITION BY ${columns(copyKey)}) AS _marker_path) FROM found
    QUALIFY row_number() OVER (PARTITION BY ${columns(copyKey)} ORDER BY _path IS NULL) = 1`)
}

/** No row, the columns. */
function nothing(file: string): Sql {
  return sql`(SELECT NULL::VARCHAR AS _row_hash, NULL::BIGINT AS _copy, NULL::TIMESTAMPTZ AS _valid_from, NULL::TIMESTAMPTZ AS _source_ts, NULL::INTEGER AS _partition,
    NULL::BIGINT AS _offset, NULL::VARCHAR AS _file, NULL::BIGINT AS _pos, NULL::INTEGER AS _row, NULL::VARCHAR AS _gtid, NULL::BIGINT AS _tx_order,
    NULL::VARCHAR AS _op, NULL::VARCHAR AS ${id(file)} WHERE false)`
}
