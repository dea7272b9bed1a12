import fc from 'fast-check'
import { expect, test } from 'vitest'
import { microsOf, timeText } from '../../../shop/time.ts'

test('times become text and text times, to the microsecond', () => {
  const micros = fc.integer({ min: Date.UTC(1000, 0, 1) * 1000, max: Date.UTC(2255, 0, 1) * 1000 })
  fc.assert(
    fc.property(micros, at => {
      expect(microsOf(timeText(at))).toBe(at)
    }),
  )
  expect(timeText(1)).toBe('1970-01-01 00:00:00.000001')
  expect(timeText(-1)).toBe('1969-12-31 23:59:59.999999')
  expect(microsOf('2025-01-01 00:00:00')).toBe(Date.UTC(2025, 0, 1) * 1000)
})
