import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expectedTouch, type MergeRules, mergeInterval } from '../../../processors/merge-interval.ts'

const [MB, GB] = [1e6, 1e9]
const day = 86_400_000
const rules: MergeRules = { intervalMs: 30_000, rate: 20 * MB, rewrites: 100, allowance: 100 * GB }

describe('mergeInterval', () => {
  it.each([
    ['a batch of new keys', 0, 45 * MB, 30_000, 'floor'],
    ['a small table', 1 * MB, 1 * MB, 30_000, 'floor'],
    ['1 M rows, all files', 45 * MB, 45 * MB, 38_880, 'day'],
    ['100 M rows, all files', 4.5 * GB, 4.5 * GB, 864_000, 'day'],
    ['100 M rows, a hot hundredth', 90 * MB, 4.5 * GB, 30_000, 'floor'],
    ['20 GB, a tenth', 2 * GB, 20 * GB, 100_000, 'rate'],
  ] as const)('%s', (_, touched, live, ms, term) => {
    expect(mergeInterval(rules, { touched, live })).toEqual({ ms, term })
  })

  const bytes = fc.integer({ min: 0, max: 1e12 })
  const someRules = fc.record({
    intervalMs: fc.integer({ min: 1, max: 3_600_000 }),
    rate: fc.integer({ min: 1_000, max: 1e9 }),
    rewrites: fc.integer({ min: 1, max: 1_000 }),
    allowance: fc.integer({ min: 1_000, max: 1e12 }),
  })

  it('never rewrites more than the rules allow, nor waits longer than one of them asks', () => {
    fc.assert(
      fc.property(someRules, bytes, bytes, (some, touched, live) => {
        const { ms, term } = mergeInterval(some, { touched, live })
        expect(ms).toBeGreaterThanOrEqual(some.intervalMs)
        expect((touched * 1_000) / ms).toBeLessThanOrEqual(some.rate * 1.000001)
        expect((touched * day) / ms).toBeLessThanOrEqual(Math.max(some.rewrites * live, some.allowance) * 1.000001)
        if (term === 'floor') expect(ms).toBe(some.intervalMs)
        if (term === 'rate') expect((touched * 1_000) / ms).toBeCloseTo(some.rate, -3)
      }),
    )
  })

  it('grows with what is rewritten', () => {
    fc.assert(
      fc.property(bytes, bytes, bytes, (a, b, live) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)]
        expect(mergeInterval(rules, { touched: less, live }).ms).toBeLessThanOrEqual(
          mergeInterval(rules, { touched: more, live }).ms,
        )
      }),
    )
  })
})

describe('expectedTouch', () => {
  it('lets the newest merge count most', () => {
    expect(expectedTouch([])).toBe(0)
    expect(expectedTouch([70])).toBe(70)
    expect(expectedTouch([40, 10])).toBe(30)
    expect(expectedTouch([0, 70, 0])).toBe(20)
  })

  it('stays between the least and the most', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1e12 }), { minLength: 1, maxLength: 8 }), rewritten => {
        const expected = expectedTouch(rewritten)
        expect(expected).toBeGreaterThanOrEqual(Math.min(...rewritten) * 0.999999)
        expect(expected).toBeLessThanOrEqual(Math.max(...rewritten) * 1.000001)
      }),
    )
  })
})
