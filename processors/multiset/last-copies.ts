// Which copies go when some of a row's are known to be gone, without an event that says so: the last ones, for they are all equal.
// Guarantee: what stays are the copies 1 to n.
import { type Sql, sql } from '../../lake/sql.ts'

/** Of the live copies, as many of each row as are among `gone`. Both are parenthesised queries. */
export function lastCopies(live: Sql, gone: Sql): Sql {
  return sql`(SELECT live.* FROM ${live} AS live JOIN (SELECT _row_hash, count(*) AS "how many" FROM ${gone} GROUP BY _row_hash) USING (_row_hash)
    QUALIFY row_number() OVER (PARTITION BY _row_hash ORDER BY _copy DESC) <= "how many")`
}
