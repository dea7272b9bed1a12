import { expect, test } from 'vitest'
import { type StackEvent, step } from '../../../infra/report.ts'

test('a step that starts ends, well or badly', async () => {
  const events: StackEvent[] = []
  const report = (event: StackEvent) => events.push(event)
  expect(await step(report, 'good', async () => 'detail')).toBe('detail')
  await expect(step(report, 'bad', () => Promise.reject(new Error('first line\nsecond line')))).rejects.toThrow('second line')
  expect(events).toEqual([
    { step: 'good', state: 'start' },
    { step: 'good', state: 'done', detail: 'detail' },
    { step: 'bad', state: 'start' },
    { step: 'bad', state: 'failed', detail: 'first line' },
  ])
})
