// What silver and its markers hold of a table without a key: the copies of some rows, or of all, and how far its events were counted.
// Guarantee: temp tables of the shape that `readState` gives for a table with a key.
import type { Duck } from '../../lake/duckdb.ts'
import type { Lakehouse } from '../../lake/lakehouse.ts'
import { locate } from '../../lake/locate.ts'
import { scan } from '../../lake/scan.ts'
import { duckType, field } from '../../lake/schema.ts'
import type { Snapshot } from '../../lake/snapshot.ts'
import { id, join, type Sql, sql, trusted } from '../../lake/sql.ts'
import { positionFields } from '../own-columns.ts'
import { paths, type SilverTables } from '../silver-parts.ts'
import { copyFields, copyKey } from './copies.ts'

const stateFields = [...positionFields, field('_op', 'string')]
const names = (fields: readonly { name: string }[]) => join(fields.map(({ name }) => id(name)))
const [hash, copy] = [copyKey[0]!, copyKey[1]!]

/** Temp table `marks`: `mark`, and the columns of its marker with `_path`, its file. Marks are kept as copies below 0 (marks.ts). */
export async function readMarks(duck: Duck, silver: Lakehouse, { name, deleted }: SilverTables): Promise<void> {
  const found = deleted ? await scan(silver.table(paths(name).deleted), deleted, { fileColumn: '_path' }) : nothing
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE marks AS
    SELECT ${id(hash)} AS mark, ${names(stateFields)}, _path FROM ${found} WHERE ${id(copy)} < 0`)
}

/** Temp table `state` of the hashes that the query `wanted` gives, or of all; with the marks. */
export async function readCopies(
  duck: Duck,
  silver: Lakehouse,
  { tables, wanted }: { tables: SilverTables; wanted: Sql | undefined },
): Promise<void> {
  const at = paths(tables.name)
  const find = async (path: string, snapshot: Snapshot | undefined) => {
    if (!snapshot) return nothing
    const table = silver.table(path)
    const columns = [copy, ...stateFields.map(({ name }) => name)]
    if (!wanted) return scan(table, snapshot, { columns: [hash, ...columns], fileColumn: '_path' })
    return (await locate(duck, table, snapshot, { keys: wanted, keyColumns: [hash], columns })) ?? nothing
  }
  const columns = sql`${names([...copyFields, ...stateFields])}`
  const live = await find(at.current, tables.current)
  const marked = await find(at.deleted, tables.deleted)
  await duck.run(sql`CREATE OR REPLACE TEMP TABLE state AS
    WITH found AS (
      SELECT ${columns}, _path, NULL::VARCHAR AS _marker_path FROM ${live}
      UNION ALL SELECT ${columns}, NULL, _path FROM ${marked} WHERE ${id(copy)} > 0
      UNION ALL SELECT mark, -1, ${names(stateFields)}, NULL, _path FROM marks
    )
    SELECT * REPLACE (max(_marker_path) OVER (PARTITION BY ${names(copyFields)}) AS _marker_path) FROM found
    QUALIFY row_number() OVER (PARTITION BY ${names(copyFields)} ORDER BY _path IS NULL) = 1`)
}

/** No row, the columns. */
const nothing = sql`(SELECT ${join(
  [...copyFields, ...stateFields, field('_path', 'string')].map(
    ({ name, type }) => sql`CAST(NULL AS ${trusted(duckType(type))}) AS ${id(name)}`,
  ),
)} WHERE false)`
