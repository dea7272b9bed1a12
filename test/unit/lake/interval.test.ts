import { expect, test } from 'vitest'
import { intervalMs } from '../../../lake/interval.ts'

test('durations as table properties write them', () => {
  expect(intervalMs('interval 1 week')).toBe(604_800_000)
  expect(intervalMs('INTERVAL 36 hours')).toBe(129_600_000)
  expect(intervalMs('interval 1 day 12 hours')).toBe(129_600_000)
  expect(intervalMs('2 days')).toBe(172_800_000)
})

test('what is not understood is undefined, not zero', () => {
  for (const text of ['', 'interval', 'interval 1 month', 'interval -1 day', '7', 'interval one day'])
    expect(intervalMs(text)).toBeUndefined()
})
