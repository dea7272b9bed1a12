// When things happen in a shop: quiet nights, busy evenings, Sundays and Mondays above the rest.
// Guarantee: over whole weeks the mean rate is the rate asked for.
import type { Random } from './random.ts'
import { day, hour } from './time.ts'

/** How busy each hour of a day is (UTC). */
const hours = [2, 1, 1, 1, 1, 2, 4, 7, 9, 10, 11, 12, 13, 12, 11, 11, 12, 13, 15, 18, 20, 18, 11, 5]
/** How busy each day is, from Thursday, the first day of 1970. */
const days = [1, 0.95, 1.05, 1.25, 1.15, 1, 0.95]

/** The weights of a week's 168 hours, their mean being 1. */
const week = days.flatMap(weight => hours.map(each => each * weight))
const mean = week.reduce((sum, each) => sum + each, 0) / week.length
const weights = week.map(each => each / mean)
const weekLength = 7 * day

/** The next instant after `from` of an event that happens `perDay` times a day on average, rarely at night (microseconds). */
export function nextArrival(random: Random, from: number, perDay: number): number {
  // A wait in hours of mean busyness; whole weeks hold exactly 168 of them.
  let left = random.exponential(24 / perDay)
  const weeks = Math.floor(left / weights.length)
  left -= weeks * weights.length
  let at = from + weeks * weekLength
  for (;;) {
    const weight = weights[Math.floor((at % weekLength) / hour)]!
    const untilNext = hour - (at % hour)
    const available = (untilNext / hour) * weight
    if (left < available) return Math.floor(at + (left / weight) * hour)
    left -= available
    at += untilNext
  }
}

/** The first instant at or after `from` within the warehouse's hours (7 to 17 UTC, Monday to Saturday), spread over the hour. */
export function workingTime(random: Random, from: number): number {
  let at = from
  for (;;) {
    const weekday = Math.floor(at / day) % 7
    const hourOfDay = Math.floor((at % day) / hour)
    if (weekday !== 3 && hourOfDay >= 7 && hourOfDay < 17) return at
    const next = hourOfDay < 7 ? at - (at % day) + 7 * hour : at - (at % day) + day + 7 * hour
    at = next + Math.floor(random.next() * hour)
  }
}
