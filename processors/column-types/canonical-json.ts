// One text for each JSON document, however it was printed: a snapshot carries MySQL's text, the binlog Debezium's.
// Guarantee: spaces, escapes and the spelling of a number vanish; digits are moved as text, so no number changes its value.
import { type Sql, sql } from '../../lake/sql.ts'

const token = '"(?:[^"\\\\]|\\\\.)*"|-?[0-9][0-9.eE+-]*|[^"0-9-]+'

/**
 * SQL that gives the canonical text: no spaces, whole numbers as they stand, others as `0.05`, `100000.0`, `1.5e300`.
 * Malformed JSON makes the statement fail.
 */
export function canonicalJson(text: Sql): Sql {
  // DuckDB's own minifier reads 1.10 as a double: it serves documents without such numbers, and single strings.
  const tokens = sql`regexp_extract_all(${text}, ${token})`
  const piece = sql`CASE
    WHEN token[1] = '"' THEN json(token)::VARCHAR
    WHEN NOT regexp_matches(token, '^-?[0-9]') THEN regexp_replace(token, '\\s', '', 'g')
    WHEN regexp_matches(token, '[.eE]') THEN ${canonicalNumber(sql`token`)}
    ELSE token END`
  return sql`CASE
    WHEN regexp_matches(${text}, '[0-9][.eE]') AND json_valid(${text}) THEN array_to_string(list_transform(${tokens}, lambda token: ${piece}), '')
    ELSE json(${text})::VARCHAR END`
}

/** A fractional or exponential number: digits without outer zeros, the point placed anew. */
function canonicalNumber(number: Sql): Sql {
  const before = sql`regexp_extract(${number}, '^-?([0-9]+)', 1)`
  const after = sql`regexp_extract(${number}, '\\.([0-9]+)', 1)`
  const power = sql`coalesce(nullif(regexp_extract(${number}, '[eE][+]?(-?[0-9]+)$', 1), '')::BIGINT, 0)`
  const significant = sql`ltrim(${before} || ${after}, '0')`
  const digits = sql`rtrim(${significant}, '0')`
  // The value is 0.digits × 10^point.
  const point = sql`(${power} + length(${before}) - (length(${before}) + length(${after}) - length(${significant})))`
  const sign = sql`CASE WHEN ${number}[1] = '-' THEN '-' ELSE '' END`
  return sql`${sign} || CASE
    WHEN ${digits} = '' THEN '0.0'
    WHEN ${point} BETWEEN -5 AND 0 THEN '0.' || repeat('0', -${point}) || ${digits}
    WHEN ${point} BETWEEN 1 AND 21 AND ${point} >= length(${digits}) THEN ${digits} || repeat('0', ${point} - length(${digits})) || '.0'
    WHEN ${point} BETWEEN 1 AND 21 THEN left(${digits}, ${point}) || '.' || substr(${digits}, ${point} + 1)
    ELSE ${digits}[1] || '.' || coalesce(nullif(substr(${digits}, 2), ''), '0') || 'e' || (${point} - 1) END`
}
