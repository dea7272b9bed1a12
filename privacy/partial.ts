// Partial masks and generalisation: SQL that keeps as much of a value as may be shown.
// Guarantee: stars have a fixed number, so a mask never tells a value's length; NULL stays NULL; an odd value shows less, never more.
import { type Sql, sql } from '../lake/sql.ts'

const stars = '***'
const blanks = sql`e' \t\r\n'`

/** `jane.doe@example.com` → `j***@***.com`; what is no e-mail address → `***`. */
export function partialEmail(value: Sql): Sql {
  const address = '^([^@\\s])[^@\\s]*@[^@\\s]+\\.([A-Za-z]{2,24})$'
  const parts = sql`regexp_extract(trim(${value}, ${blanks}), ${address}, ['first', 'top'])`
  const shown = sql`CASE WHEN parts.top = '' THEN ${stars} ELSE parts.first || ${`${stars}@${stars}.`} || lower(parts.top) END`
  return sql`CASE WHEN ${value} IS NOT NULL THEN list_transform([${parts}], lambda parts: ${shown})[1] END`
}

/**
 * `+49 151 23456789` → `+49*****89`: country calling code, five stars, the last two digits. Without a leading + the country is unknown:
 * `*****89`. Fewer than seven digits: `*****`.
 */
export function partialPhone(value: Sql): Sql {
  const country = sql`CASE WHEN starts_with(trim(${value}, ${blanks}), '+') THEN coalesce('+' || nullif(regexp_extract(digits, ${callingCode}), ''), '') ELSE '' END`
  const shown = sql`CASE WHEN length(digits) < 7 THEN '*****' ELSE ${country} || '*****' || right(digits, 2) END`
  return sql`CASE WHEN ${value} IS NOT NULL THEN
    list_transform([regexp_replace(${value}, '[^0-9]', '', 'g')], lambda digits: ${shown})[1] END`
}

/** E.164: zones 1 and 7 are one digit, these pairs are whole codes, every other code has three digits; none begins with 0. */
const callingCode = '^(?:[17]|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[2-9][0-9][0-9])'

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
