// Where an event stands to a change of its table's schema.
// Guarantee: the same in TypeScript and in SQL; GTIDs of one server first, then the binlog's position, then the database's time.
import { type Sql, sql } from '../../lake/sql.ts'
import { parseFile, parseGtid } from '../order/source-position.ts'
import type { Place } from '../source-schema.ts'

/** -1: a is before b; 0: the same place; 1: behind; undefined: not comparable. */
export function comparePlaces(a: Place, b: Place): -1 | 0 | 1 | undefined {
  const [gtidA, gtidB] = [a.gtid, b.gtid].map(gtid => (gtid === null ? undefined : parseGtid(gtid)))
  if (gtidA && gtidB) return gtidA.origin === gtidB.origin ? order(gtidA.sequence, gtidB.sequence) : undefined
  const [fileA, fileB] = [a.file, b.file].map(file => (file === null ? undefined : parseFile(file)))
  if (!fileA || !fileB || fileA.base !== fileB.base || a.pos === null || b.pos === null) return undefined
  return fileA.number === fileB.number ? order(a.pos, b.pos) : order(fileA.number, fileB.number)
}

/** SQL over bronze's position columns: whether an event is at or behind the place. `byTime`: positions do not count. */
export function isFrom(place: Place, { byTime }: { byTime: boolean }): Sql {
  const time = place.tsUs === null ? sql`true` : sql`coalesce(epoch_us(_source_ts) >= ${place.tsUs}, false)`
  if (byTime) return time
  const gtid = place.gtid === null ? undefined : parseGtid(place.gtid)
  const file = place.file === null || place.pos === null ? undefined : parseFile(place.file)
  const cases = [
    ...(gtid
      ? [
          sql`WHEN ${originOf} = ${gtid.origin} THEN TRY_CAST(regexp_extract(_gtid, '(\\d+)$', 1) AS BIGINT) >= ${gtid.sequence}`,
          sql`WHEN _gtid IS NOT NULL THEN ${time}`,
        ]
      : []),
    ...(file
      ? [
          sql`WHEN regexp_extract(_file, '^(.*)\\.(\\d+)$', 1) = ${file.base}
            THEN (TRY_CAST(regexp_extract(_file, '(\\d+)$', 1) AS BIGINT), _pos) >= (${file.number}, ${place.pos!})`,
        ]
      : []),
  ]
  return cases.length === 0 ? time : sql`CASE ${cases.reduce((all, one) => sql`${all} ${one}`)} ELSE ${time} END`
}

/** What makes GTID numbers comparable: MySQL's `uuid` or `uuid:tag`, MariaDB's domain. As parseGtid. */
const originOf = sql`CASE WHEN contains(_gtid, ':') THEN regexp_extract(_gtid, '^(.*):\\d+$', 1) ELSE split_part(_gtid, '-', 1) END`

function order(a: bigint, b: bigint): -1 | 0 | 1 {
  return a < b ? -1 : a > b ? 1 : 0
}
