// One text for each JSON document, however it was printed: a snapshot carries MySQL's text, the binlog Debezium's.
// Guarantee: spaces, escapes and the spelling of a number vanish, and no number becomes another one.
import { id, type Sql, sql } from '../../lake/sql.ts'

const string = '"(?:[^"\\\\]|\\\\.)*"'
const token = `${string}|-?[0-9][0-9.eE+-]*|[^"0-9-]+`

/**
 * SQL that gives the canonical text: no spaces; numbers as `100`, `0.05`, `1.5e300`. MySQL prints a double in its shortest form, Debezium as
 * `100.0` or with all the digits of its binary value: both become the shortest. Decimals keep every digit. Malformed JSON makes the
 * statement fail.
 */
export function canonicalJson(text: Sql): Sql {
  const bare = sql`regexp_replace(${text}, ${string}, '""', 'g')`
  return sql`CASE
    WHEN NOT regexp_matches(${text}, '[0-9][.eE]|[0-9]{20}') THEN json(${text})::VARCHAR
    WHEN NOT regexp_matches(${bare}, ${beyondMinifier}) THEN regexp_replace(json(${text})::VARCHAR, ${`(${string})|\\.0\\b`}, '\\1', 'g')
    WHEN json_valid(${text}) THEN ${byToken(text)}
    ELSE json(${text})::VARCHAR END`
}

/**
 * Numbers that DuckDB's minifier would change, as it reads fractions as doubles: more than 17 digits, whole doubles of 2^53 and more, powers
 * beyond a double's, and −0. It writes all others as `written` does, but for `.0` behind whole ones.
 */
const beyondMinifier = [
  '[0-9]{20}',
  ...Array.from({ length: 17 }, (_, i) => `[0-9]{${i + 1}}\\.[0-9]{${17 - i}}`),
  '[0-9]{16}\\.',
  '[eE]\\+?[0-9]{2}',
  '[eE]-[0-9]{3}',
  '-0(?:\\.0*)?(?:[^.0-9]|$)',
].join('|')

function byToken(text: Sql): Sql {
  const piece = sql`CASE
    WHEN starts_with(token, '"') THEN json(token)::VARCHAR
    WHEN regexp_matches(token, '^-?[0-9]') THEN ${canonicalNumber(sql`token`)}
    ELSE regexp_replace(token, '\\s', '', 'g') END`
  return sql`array_to_string(list_transform(regexp_extract_all(${text}, ${token}), lambda token: ${piece}), '')`
}

/**
 * Short numbers keep their digits, longer ones too unless they are a double's: that is printed in its shortest form. A whole double of 2^53 and
 * more has all its digits from Debezium and few from MySQL, however few those are.
 */
function canonicalNumber(number: Sql): Sql {
  const double = sql`${number}::DOUBLE`
  const whole = sql`NOT regexp_matches(${number}, '[.eE]') AND TRY_CAST(${number} AS HUGEINT) BETWEEN -9223372036854775808 AND 18446744073709551615`
  const isDouble = sql`length(own.digits) <= 17 OR ${withParts('full', sql`format('{:.1074f}', ${double})`, written('full'))} = ${written('own')}`
  const shortest = sql`CASE
    WHEN ${double} = trunc(${double}) AND abs(${double}) < 18446744073709551616 THEN format('{:.0f}', ${double})
    ELSE ${withParts('short', sql`(${double})::VARCHAR`, written('short'))} END`
  return withParts(
    'own',
    number,
    sql`CASE WHEN (length(own.digits) <= 15 AND abs(${double}) < 9007199254740992) OR ${whole} OR NOT isfinite(${double}) OR ${double} = 0 THEN ${written('own')}
      WHEN ${isDouble} THEN ${shortest}
      ELSE ${written('own')} END`,
  )
}

/** Names the parts of a number's text for an expression. The value is ±0.digits × 10^point, digits without outer zeros. */
function withParts(name: PartsName, number: Sql, expression: Sql): Sql {
  const before = sql`regexp_extract(${number}, '^-?([0-9]+)', 1)`
  const after = sql`regexp_extract(${number}, '\\.([0-9]+)', 1)`
  const power = sql`coalesce(nullif(regexp_extract(${number}, '[eE][+]?(-?[0-9]+)$', 1), '')::BIGINT, 0)`
  const significant = sql`ltrim(${before} || ${after}, '0')`
  const parts = sql`struct_pack(
    minus := starts_with(${number}, '-'),
    digits := rtrim(${significant}, '0'),
    point := ${power} + length(${significant}) - length(${after}))`
  return sql`list_transform([${parts}], lambda ${id(name)}: ${expression})[1]`
}

type PartsName = 'own' | 'full' | 'short'

/** The text of named parts. */
function written(name: PartsName): Sql {
  const [digits, point] = [id(name, 'digits'), id(name, 'point')]
  return sql`CASE WHEN ${id(name, 'minus')} AND ${digits} <> '' THEN '-' ELSE '' END || CASE
    WHEN ${digits} = '' THEN '0'
    WHEN ${point} BETWEEN -5 AND 0 THEN '0.' || repeat('0', -${point}) || ${digits}
    WHEN ${point} BETWEEN 1 AND 21 AND ${point} >= length(${digits}) THEN ${digits} || repeat('0', ${point} - length(${digits}))
    WHEN ${point} BETWEEN 1 AND 21 THEN left(${digits}, ${point}) || '.' || substr(${digits}, ${point} + 1)
    ELSE left(${digits}, 1) || coalesce('.' || nullif(substr(${digits}, 2), ''), '') || 'e' || (${point} - 1) END`
}
