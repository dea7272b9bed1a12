// Partial masks and generalisation: SQL that keeps as much of a value as may be shown.
// Guarantee: stars have a fixed number, so a mask never tells a value's length; NULL stays NULL; an odd value shows less, never more.
import { type Sql, sql } from '../lake/sql.ts'

const stars = '***'
const blanks = sql`e' \t\r\n'`

/** `jane.doe@example.com` → `j***@***.com`; what is no e-mail address → `***`. */
export function partialEmail(value: Sql): Sql {
  const parts = sql`regexp_extract(trim(${value}, ${blanks}), '^([^@\\s])[^@\\s]*@[^@\\s]+\\.([A-Za-z]{2,24})$', ['first', 'top'])`
  return sql`CASE WHEN ${value} IS NOT NULL THEN
    CASE WHEN ${parts}.top = '' THEN ${stars} ELSE ${parts}.first || ${`${stars}@${stars}.`} || lower(${parts}.top) END END`
}

/**
 * `+49 151 23456789` → `+49*****89`: country calling code, five stars, the last two digits. Without a leading + the country is unknown:
 * `*****89`. Fewer than seven digits: `*****`.
 */
export function partialPhone(value: Sql): Sql {
  const digits = sql`regexp_replace(${value}, '[^0-9]', '', 'g')`
  return sql`CASE
    WHEN ${value} IS NULL THEN NULL
    WHEN length(${digits}) < 7 THEN '*****'
    WHEN starts_with(trim(${value}, ${blanks}), '+') AND NOT starts_with(${digits}, '0') THEN '+' || ${callingCode(digits)} || '*****' || right(${digits}, 2)
    ELSE '*****' || right(${digits}, 2) END`
}

/** E.164: zones 1 and 7 are one digit; these pairs are whole codes; every other code has three digits. */
const twoDigitCodes =
  '20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98'

function callingCode(digits: Sql): Sql {
  return sql`left(${digits}, CASE
    WHEN left(${digits}, 1) IN ('1', '7') THEN 1
    WHEN list_contains(${twoDigitCodes.split(' ')}, left(${digits}, 2)) THEN 2
    ELSE 3 END)`
}

/** `Jane` → `J***`. */
export function partialName(value: Sql): Sql {
  return sql`CASE WHEN ${value} IS NOT NULL THEN left(trim(${value}, ${blanks}), 1) || ${stars} END`
}

/** `10115` → `10***`; up to two characters → `***`. */
export function partialPostcode(value: Sql): Sql {
  const code = sql`regexp_replace(${value}, '\\s', '', 'g')`
  return sql`CASE WHEN ${value} IS NOT NULL THEN CASE WHEN length(${code}) > 2 THEN left(${code}, 2) ELSE '' END || ${stars} END`
}

/** Of an address only the row's country and the first two characters of its postcode: `DE 10***`. A country that is no word is left out. */
export function partialAddress(value: Sql, from: { country: Sql; postcode: Sql }): Sql {
  const country = sql`regexp_extract(trim(${from.country}, ${blanks}), '^[\\p{L}][\\p{L} .''()-]{0,59}$')`
  return sql`CASE WHEN ${value} IS NOT NULL THEN
    trim(coalesce(${country}, '') || ' ' || coalesce(${partialPostcode(from.postcode)}, ${stars})) END`
}

/** A birth date's year, as a number. */
export function generaliseYear(value: Sql): Sql {
  return sql`year(${value})::SMALLINT`
}
