import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createAgenda } from '../../../shop/agenda.ts'

describe('the agenda', () => {
  test('gives tasks out by time, those of one instant as they came', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 20 })), times => {
        const agenda = createAgenda<number>()
        for (const [index, at] of times.entries()) agenda.add(at, index)
        expect(agenda.size).toBe(times.length)
        const out: [number, number][] = []
        for (let next = agenda.next(); next; next = agenda.next()) out.push([next.at, next.task])
        expect(out).toEqual(times.map((at, index): [number, number] => [at, index]).sort(([a, i], [b, j]) => a - b || i - j))
      }),
    )
  })
})
