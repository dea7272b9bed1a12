import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRandom } from '../../../shop/random.ts'

describe('random choices', () => {
  test('repeat with the seed, differ between neighbours', () => {
    const draw = (seed: number) => {
      const random = createRandom(seed)
      return Array.from({ length: 5 }, () => random.next())
    }
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)[0]).not.toBeCloseTo(draw(2)[0]!, 3)
    expect(createRandom(1).uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  test('stay within their bounds', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 50 }), (seed, length) => {
        const random = createRandom(seed)
        expect(random.int(3, 3 + length)).toBeLessThanOrEqual(3 + length)
        expect(random.skewed(length, 3)).toBeLessThan(length)
        expect(
          random.weighted([
            ['a', 0],
            ['b', 1],
          ] as const),
        ).toBe('b')
        expect(random.exponential(1)).toBeGreaterThanOrEqual(0)
      }),
    )
    expect(() => createRandom(1).pick([])).toThrow(RangeError)
  })
})
