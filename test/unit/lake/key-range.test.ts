import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { overlapsKeys } from '../../../lake/key-range.ts'
import { type DeltaType, field } from '../../../lake/schema.ts'
import { someAdd } from './temp-table.ts'

const fields = [field('shop', 'string'), field('id', 'long')]
const file = (minValues: object, maxValues: object) =>
  someAdd('f', { stats: JSON.stringify({ numRecords: 1, minValues, maxValues }) })

/** One column of a type: does a file from `low` to `high` (as JSON text) meet a batch from `min` to `max`? */
function meets(type: DeltaType, [low, high]: [string, string], [min, max]: [string, string]): boolean {
  const stats = `{"numRecords":1,"minValues":{"k":${low}},"maxValues":{"k":${high}}}`
  return overlapsKeys([field('k', type)], [{ column: 'k', min, max }])(someAdd('f', { stats }))
}

describe('files that must count as overlapping', () => {
  const range = [{ column: 'id', min: '1', max: '2' }]
  const beside = file({ id: 5 }, { id: 9 })
  test('the same file with bounds does not', () => expect(overlapsKeys(fields, range)(beside)).toBe(false))
  test('no statistics', () => {
    const { stats: _, ...bare } = someAdd('f')
    expect(overlapsKeys(fields, range)(bare)).toBe(true)
  })
  test('statistics without bounds', () => expect(overlapsKeys(fields, range)(someAdd('f'))).toBe(true))
  test('a bound on one side only', () => expect(overlapsKeys(fields, range)(file({}, { id: 9 }))).toBe(true))
  test('statistics that are no JSON', () =>
    expect(overlapsKeys(fields, range)(someAdd('f', { stats: '{"minValues"' }))).toBe(true))
  test('a batch whose range nobody told', () => expect(overlapsKeys(fields, [])(beside)).toBe(true))
  test('a column the table does not have', () =>
    expect(overlapsKeys(fields, [{ column: 'x', min: '1', max: '2' }])(beside)).toBe(true))
  test('a bound in another form', () =>
    expect(overlapsKeys(fields, [{ column: 'id', min: '1e0', max: '2e0' }])(beside)).toBe(true))
})

test('a composite key is a box: one column that lies beside is enough', () => {
  const range = [
    { column: 'shop', min: 'a', max: 'c' },
    { column: 'id', min: '10', max: '20' },
  ]
  const overlaps = overlapsKeys(fields, range)
  expect(overlaps(file({ shop: 'b', id: 15 }, { shop: 'd', id: 99 }))).toBe(true)
  expect(overlaps(file({ shop: 'd', id: 15 }, { shop: 'e', id: 16 }))).toBe(false)
  expect(overlaps(file({ shop: 'b', id: 21 }, { shop: 'b', id: 22 }))).toBe(false)
  expect(overlaps(file({ id: 15 }, { id: 16 }))).toBe(true)
})

test('numbers are exact beyond 2^53, and compared as numbers', () => {
  expect(meets('long', ['9007199254740993', '9007199254740993'], ['9007199254740992', '9007199254740992'])).toBe(false)
  expect(meets('long', ['9007199254740993', '9007199254740993'], ['9007199254740993', '9007199254740994'])).toBe(true)
  expect(meets('long', ['9', '9'], ['10', '100'])).toBe(false)
  expect(meets('long', ['-5', '-3'], ['-4', '-4'])).toBe(true)
})

test('an instant within the millisecond to which another writer cut a bound', () => {
  const cut = '"2026-01-01T00:00:00.000Z"'
  const key = (micros: string) => `2026-01-01 00:00:00.${micros}+00`
  expect(meets('timestamp', [cut, cut], [key('000999'), key('000999')])).toBe(true)
  expect(meets('timestamp', [cut, cut], [key('001001'), key('001001')])).toBe(false)
})

test('decimals by value, whatever zeros they carry', () => {
  expect(meets('decimal(20,2)', ['10.50', '10.50'], ['10.5', '10.5'])).toBe(true)
  expect(meets('decimal(20,2)', ['9.99', '9.99'], ['10', '11.00'])).toBe(false)
  expect(meets('decimal(38,0)', ['12345678901234567890123', '12345678901234567890123'], ['1', '2'])).toBe(false)
})

test('instants by time, with any zone and digits; dates as dates', () => {
  const day = '2026-01-02T00:00:00'
  expect(meets('timestamp', [`"${day}.123Z"`, `"${day}.124Z"`], [`${day}.123456Z`, `${day}.123456Z`])).toBe(true)
  expect(meets('timestamp', [`"${day}.123Z"`, `"${day}.124Z"`], ['2026-01-01 23:59:59+00', `${day}.122999Z`])).toBe(false)
  expect(meets('timestamp', [`"${day}.000-08:00"`, `"${day}.000-08:00"`], [`${day}Z`, '2026-01-02T07:59:59Z'])).toBe(false)
  expect(meets('date', ['"2026-01-02"', '"2026-01-03"'], ['2026-01-03', '2026-02-01'])).toBe(true)
  expect(meets('date', ['"2026-01-02"', '"2026-01-03"'], ['2026-01-04', '2026-02-01'])).toBe(false)
})

test('text that looks like a number or a time is text', () => {
  expect(meets('string', ['"10"', '"10"'], ['9', '9'])).toBe(false)
  expect(meets('string', ['"10"', '"9"'], ['5', '6'])).toBe(true)
})

test('types whose order is not told by text may hold anything', () => {
  expect(meets('double', ['1.0', '2.0'], ['5.0', '6.0'])).toBe(true)
  expect(meets('binary', ['"a"', '"b"'], ['x', 'y'])).toBe(true)
})

test('property: integers overlap just as their intervals do', () => {
  const interval = fc.tuple(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.bigInt({ min: 0n, max: 2n ** 62n }))
  fc.assert(
    fc.property(interval, interval, ([a, wide], [b, broad]) => {
      const expected = a <= b + broad && b <= a + wide
      expect(meets('long', [`${a}`, `${a + wide}`], [`${b}`, `${b + broad}`])).toBe(expected)
    }),
  )
})

test('property: text is ordered by its UTF-8 bytes, as engines order it', () => {
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(text, text, (a, b) => {
      const quoted = JSON.stringify(a)
      expect(meets('string', [quoted, quoted], [b, b])).toBe(a === b)
      const above = Buffer.compare(Buffer.from(a), Buffer.from(b)) >= 0
      expect(meets('string', [quoted, '"\u{10ffff}\u{10ffff}"'], [b, b])).toBe(!above || a === b)
    }),
  )
})
