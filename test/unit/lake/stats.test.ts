import { expect, test } from 'vitest'
import { type DeltaType, field } from '../../../lake/schema.ts'
import { boundsProperties, type ColumnReport, statsText } from '../../../lake/stats.ts'

const of = (type: DeltaType, report: ColumnReport) =>
  statsText(2, [{ field: field('c', type), report: { null_count: '0', ...report } }])
const bounds = (min: string, max: string) =>
  `{"numRecords":2,"minValues":{"c":${min}},"maxValues":{"c":${max}},"nullCount":{"c":0}}`
const none = '{"numRecords":2,"nullCount":{"c":0}}'

test('no column named: the count alone', () => {
  expect(statsText(5, [])).toBe('{"numRecords":5}')
})

test('numbers stand as the writer printed them, beyond 2^53 too', () => {
  expect(of('long', { min: '-9223372036854775808', max: '9007199254740993' })).toBe(
    bounds('-9223372036854775808', '9007199254740993'),
  )
  expect(of('decimal(38,3)', { min: '-1.500', max: '12345678901234567890123456789012345.678' })).toBe(
    bounds('-1.500', '12345678901234567890123456789012345.678'),
  )
  expect(of('double', { min: '-1e+300', max: '0.1' })).toBe(bounds('-1e+300', '0.1'))
})

test('instants: the minimum is rounded down to milliseconds, the maximum up', () => {
  const report = { min: '2026-11-21 11:50:23.277202+00', max: '2026-11-21 11:50:23.999001+00' }
  expect(of('timestamp', report)).toBe(bounds('"2026-11-21T11:50:23.277Z"', '"2026-11-21T11:50:24.000Z"'))
  const whole = { min: '1500-01-01 00:00:00+00', max: '2026-11-21 11:50:23.999+00' }
  expect(of('timestamp', whole)).toBe(bounds('"1500-01-01T00:00:00.000Z"', '"2026-11-21T11:50:23.999Z"'))
})

test('a maximum that would round into the year 10000 is left out', () => {
  const text = of('timestamp', { min: '2026-01-01 00:00:00+00', max: '9999-12-31 23:59:59.999999+00' })
  expect(text).toBe('{"numRecords":2,"minValues":{"c":"2026-01-01T00:00:00.000Z"},"nullCount":{"c":0}}')
})

test('what has no exact text is left out', () => {
  expect(of('double', { min: 'nan', max: 'inf' })).toBe(none)
  expect(of('double', { min: '1.0', max: '2.0', has_nan: 'true' })).toBe(none)
  expect(of('date', { min: '0044-03-15 (BC)', max: '12026-01-01' })).toBe(none)
  expect(of('binary', { min: '00', max: 'ff' })).toBe(none)
  expect(of('boolean', { min: '0', max: '1' })).toBe(none)
  expect(of('string', { min: 'x'.repeat(65), max: 'x'.repeat(65) })).toBe(none)
  expect(of('long', {})).toBe(none)
})

test('texts are escaped', () => {
  expect(of('string', { min: '"\n', max: 'é\u2028' })).toBe(bounds('"\\"\\n"', '"é\u2028"'))
})

test('the columns whose bounds others may log are named so that they can read the names', () => {
  expect(boundsProperties([])).toEqual({ 'delta.dataSkippingNumIndexedCols': '0' })
  expect(boundsProperties(['id', 'a`b.c', 'größe'])).toMatchObject({
    'delta.dataSkippingStatsColumns': 'id,`a``b.c`,`größe`',
  })
})
