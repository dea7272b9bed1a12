import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Add } from '../../../lake/actions.ts'
import { planCompaction } from '../../../lake/compact-plan.ts'
import { multiplied } from '../multiplied.ts'
import { someAdd } from './temp-table.ts'

const files = (...sizes: number[]): Add[] => sizes.map((size, i) => someAdd(`f${i}`, { size }))
const sizesOf = (groups: Add[][]) => groups.map(group => group.map(({ size }) => size))
const total = (group: readonly Add[]) => group.reduce((sum, { size }) => sum + size, 0)

test('small neighbours are joined, a few are not worth it', () => {
  expect(sizesOf(planCompaction(files(1, 1, 1, 1, 1, 1, 1, 1), { target: 100 }))).toEqual([[1, 1, 1, 1, 1, 1, 1, 1]])
  expect(planCompaction(files(1, 1, 1, 1, 1, 1, 1), { target: 100 })).toEqual([])
  expect(planCompaction([], { target: 100 })).toEqual([])
})

test('a file larger than all that would be put to it is left alone', () => {
  const rule = { target: 100, minFiles: 2 }
  expect(sizesOf(planCompaction(files(50, 1, 1, 1), rule))).toEqual([[1, 1, 1]])
  expect(sizesOf(planCompaction(files(3, 1, 1, 1), rule))).toEqual([[3, 1, 1, 1]])
  expect(sizesOf(planCompaction(files(1, 1, 90, 1, 1), rule))).toEqual([
    [1, 1],
    [1, 1],
  ])
})

test('a settled partition is joined once, whatever the sizes', () => {
  const rule = { target: 100, settled: () => true }
  expect(sizesOf(planCompaction(files(50, 1, 1), rule))).toEqual([[50, 1, 1]])
  expect(planCompaction(files(90, 90, 90), rule)).toEqual([])
  expect(planCompaction(files(70), rule)).toEqual([])
})

test('partitions are joined each for itself', () => {
  const some = [1, 2, 3, 4].map(i => someAdd(`f${i}`, { partitionValues: { day: i % 2 === 0 ? 'a' : null } }))
  const groups = planCompaction(some, { target: 100, minFiles: 2 })
  expect(groups.map(group => group.map(({ path }) => path))).toEqual([
    ['f1', 'f3'],
    ['f2', 'f4'],
  ])
})

const rules = fc.record({ target: fc.integer({ min: 1, max: 500 }), minFiles: fc.integer({ min: 2, max: 12 }) })

test('property: groups are neighbours, no larger than the target, and at least double each of their files', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { maxLength: 80 }), rules, (sizes, rule) => {
      const all = files(...sizes)
      const seen = new Set<Add>()
      for (const group of planCompaction(all, rule)) {
        const start = all.indexOf(group[0]!)
        expect(group).toEqual(all.slice(start, start + group.length))
        expect(group.length).toBeGreaterThanOrEqual(rule.minFiles)
        expect(total(group)).toBeLessThanOrEqual(rule.target)
        for (const file of group) {
          expect(2 * file.size).toBeLessThanOrEqual(total(group))
          expect(seen.has(file)).toBe(false)
          seen.add(file)
        }
      }
    }),
  )
})

test('property: a file a moment for ever: few files stay, and each byte is written a few times only', () => {
  fc.assert(
    fc.property(fc.integer({ min: 200, max: 3_000 }), fc.integer({ min: 8, max: 200 }), (count, every) => {
      let live: Add[] = []
      let written = 0
      for (let i = 1; i <= count; i++) {
        live.push(someAdd(`f${i}`, { size: 1 }))
        if (i % every !== 0) continue
        for (const group of planCompaction(live, { target: 1_000_000 })) {
          const at = live.indexOf(group[0]!)
          live = live.toSpliced(at, group.length, someAdd(`g${i}-${at}`, { size: total(group) }))
          written += total(group)
        }
      }
      expect(total(live)).toBe(count)
      expect(live.length).toBeLessThanOrEqual(every + 8 * Math.log2(count))
      expect(written / count).toBeLessThanOrEqual(Math.log2(count))
    }),
    { numRuns: multiplied(40) },
  )
})
