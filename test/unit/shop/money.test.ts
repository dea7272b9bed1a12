import fc from 'fast-check'
import { expect, test } from 'vitest'
import { centsOf, moneyText } from '../../../shop/money.ts'

test('amounts become text and text amounts, to the cent', () => {
  fc.assert(
    fc.property(fc.integer({ min: -1e14, max: 1e14 }), cents => {
      expect(centsOf(moneyText(cents))).toBe(cents + 0)
    }),
  )
  expect(moneyText(-5)).toBe('-0.05')
  expect(() => centsOf('1.5')).toThrow(RangeError)
})
