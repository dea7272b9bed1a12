// Times inside the shop are integers of microseconds since 1970, UTC; rows hold them as MySQL prints them.
// Guarantee: text and number convert into each other without loss between the years 1000 and 2255.

export const second = 1_000_000
export const minute = 60 * second
export const hour = 60 * minute
export const day = 24 * hour

const dayTexts = new Map<number, string>()

/** `2025-01-31 23:59:59.000001`, as TIMESTAMP(6) and DATETIME(6) print in UTC. */
export function timeText(micros: number): string {
  const days = Math.floor(micros / day)
  const rest = micros - days * day
  const seconds = Math.floor(rest / second)
  const fraction = rest - seconds * second
  return `${dateText(days)} ${clockText(seconds)}.${String(fraction).padStart(6, '0')}`
}

/** `2025-01-31` of a number of days since 1970. */
export function dateText(days: number): string {
  let text = dayTexts.get(days)
  if (text === undefined) {
    if (dayTexts.size > 50_000) dayTexts.clear()
    text = new Date(days * 86_400_000).toISOString().slice(0, 10)
    dayTexts.set(days, text)
  }
  return text
}

/** Microseconds since 1970 of a TIMESTAMP or DATETIME as MySQL prints it, taken as UTC. */
export function microsOf(text: string): number {
  const days = daysOf(text)
  const seconds = Number(text.slice(11, 13)) * 3600 + Number(text.slice(14, 16)) * 60 + Number(text.slice(17, 19))
  const fraction = text.length > 20 ? Number(text.slice(20, 26).padEnd(6, '0')) : 0
  return days * day + seconds * second + fraction
}

/** Days since 1970 of text that starts with `YYYY-MM-DD`. */
export function daysOf(text: string): number {
  const millis = Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)) - 1, Number(text.slice(8, 10)))
  if (Number.isNaN(millis)) throw new RangeError('not a date as MySQL prints it (YYYY-MM-DD …)')
  return millis / 86_400_000
}

function clockText(seconds: number): string {
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
}

function two(number: number): string {
  return number < 10 ? `0${number}` : String(number)
}
