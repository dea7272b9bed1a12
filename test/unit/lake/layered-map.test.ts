import fc from 'fast-check'
import { expect, test } from 'vitest'
import { changedMap } from '../../../lake/layered-map.ts'
import { multiplied } from '../multiplied.ts'

const large = new Map(Array.from({ length: 3000 }, (_, i) => [`k${i}`, BigInt(i)]))

test('property: however many changes, small or large below, it reads as the changed copy and leaves the older ones alone', {
  timeout: multiplied(30_000),
}, () => {
  const key = fc.oneof(
    fc.nat(3000).map(i => `k${i}`),
    fc.constantFrom('a', 'b', 'c'),
  )
  const change = fc.tuple(key, fc.option(fc.bigInt({ min: 0n, max: 9n }), { nil: undefined }))
  const steps = fc.array(fc.array(change, { maxLength: 300 }), { maxLength: 6 })
  const base = fc.constantFrom(large, new Map([...large].slice(0, 3)))
  fc.assert(
    fc.property(base, steps, (base, steps) => {
      const before = new Map(base)
      let map: ReadonlyMap<string, bigint> = base
      const expected = new Map(base)
      for (const changes of steps) {
        const [older, copy] = [map, new Map(map)]
        map = changedMap(map, new Map(changes))
        for (const [key, value] of new Map(changes)) {
          if (value === undefined) expected.delete(key)
          else expected.set(key, value)
        }
        expect(map.size).toBe(expected.size)
        expect(new Map(map)).toEqual(expected)
        expect(new Map([...map.keys()].map(key => [key, map.get(key)]))).toEqual(expected)
        expect(new Set(map.values())).toEqual(new Set(expected.values()))
        for (const [key] of changes) expect(map.has(key)).toBe(expected.has(key))
        expect(new Map(older)).toEqual(copy)
      }
      expect(base).toEqual(before)
    }),
    { numRuns: multiplied(30) },
  )
})

test('one change on a large map costs nothing like the map', () => {
  const huge = new Map(Array.from({ length: 200_000 }, (_, i) => [`k${i}`, BigInt(i)]))
  let started = performance.now()
  for (let i = 0; i < 3; i++) expect(new Map(huge).size).toBe(200_000)
  const threeCopies = performance.now() - started
  let map: ReadonlyMap<string, bigint> = huge
  started = performance.now()
  for (let i = 0; i < 300; i++) map = changedMap(map, new Map([[`n${i}`, 1n]]))
  expect(map.size).toBe(200_300)
  expect(performance.now() - started).toBeLessThan(Math.max(threeCopies, 50))
})
