import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { startProgress } from '../../../cli/progress.ts'

it('writes a line now and then, and a last one, where no terminal is', async () => {
  const written: string[] = []
  const progress = await startProgress('generate', {
    unit: 'orders',
    total: 3_000,
    bar: false,
    write: text => written.push(text),
    every: 10,
  })
  progress.set(1_000)
  await sleep(30)
  progress.set(3_000)
  progress.stop()
  progress.stop()
  expect(written[0]).toBe('generate: 1,000 of 3,000 orders\n')
  expect(written).toEqual(['generate: 1,000 of 3,000 orders\n', 'generate: 3,000 of 3,000 orders\n'])
})
