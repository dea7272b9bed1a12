import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRandom } from '../../../shop/random.ts'
import { nextArrival, workingTime } from '../../../shop/rhythm.ts'
import { day, hour } from '../../../shop/time.ts'

describe('the shop’s rhythm', () => {
  test('has the rate asked for over whole weeks, whatever the rate', () => {
    for (const perDay of [0.2, 30, 2_000]) {
      const random = createRandom(1)
      let at = 0
      let count = 0
      const weeks = Math.ceil(4_000 / perDay / 7)
      for (; at < weeks * 7 * day; count++) at = nextArrival(random, at, perDay)
      expect(count / weeks / 7).toBeGreaterThan(perDay * 0.93)
      expect(count / weeks / 7).toBeLessThan(perDay * 1.07)
    }
  })

  test('never goes back', () => {
    const cases = fc.record({
      seed: fc.nat(),
      from: fc.nat({ max: 30 * day }),
      perDay: fc.double({ min: 0.01, max: 1e6, noNaN: true }),
    })
    fc.assert(
      fc.property(cases, ({ seed, from, perDay }) => {
        expect(nextArrival(createRandom(seed), from, perDay)).toBeGreaterThanOrEqual(from)
      }),
    )
  })

  test('works from 7 to 17, and never on a Sunday', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 400 * day }), (seed, from) => {
        const at = workingTime(createRandom(seed), from)
        expect(at).toBeGreaterThanOrEqual(from)
        expect(new Date(at / 1000).getUTCDay()).not.toBe(0)
        const ofDay = at % day
        expect(ofDay >= 7 * hour && ofDay < 17 * hour).toBe(true)
      }),
    )
  })
})
