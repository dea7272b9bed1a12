import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mergeGroups, type TouchedFile } from '../../../lake/merge-groups.ts'

const size = { target: 10e6, splitAt: 15e6, joinBelow: 5e6 }
const file = (path: string, megabytes: number, more: Partial<TouchedFile> = {}): TouchedFile => ({
  path,
  size: megabytes * 1e6,
  overlaps: false,
  adjacent: true,
  ...more,
})

test.each<[string, TouchedFile[], string[][]]>([
  ['nothing', [], []],
  ['files of the right size, one by one', [file('a', 10), file('b', 6), file('c', 14)], [['a'], ['b'], ['c']]],
  ['a small one with its neighbour', [file('a', 10), file('b', 4), file('c', 10)], [['a', 'b'], ['c']]],
  ['several small ones', [file('a', 1), file('b', 1), file('c', 1), file('d', 10)], [['a', 'b', 'c', 'd']]],
  ['small ones with a file that stays in between', [file('a', 1), file('b', 1, { adjacent: false })], [['a'], ['b']]],
  ['overlapping ones', [file('a', 10), file('b', 10, { overlaps: true, adjacent: false }), file('c', 10)], [['a', 'b'], ['c']]],
  [
    'overlapping ones, as many as one sort holds',
    ['a', 'b', 'c', 'd'].map(path => file(path, 30, { overlaps: true })),
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
])('%s', (_, files, groups) => {
  expect(mergeGroups(files, size)).toEqual(groups)
})

test('property: every file once, in order, and groups of several are bounded', () => {
  const files = fc.array(
    fc.record({ megabytes: fc.integer({ min: 0, max: 200 }), overlaps: fc.boolean(), adjacent: fc.boolean() }),
    { maxLength: 30 },
  )
  fc.assert(
    fc.property(files, some => {
      const touched = some.map(({ megabytes, ...more }, i) => file(String(i), megabytes, more))
      const groups = mergeGroups(touched, size)
      expect(groups.flat()).toEqual(touched.map(({ path }) => path))
      for (const group of groups) {
        const bytes = group.reduce((sum, path) => sum + touched[Number(path)]!.size, 0)
        if (group.length > 1) expect(bytes).toBeLessThanOrEqual(64e6)
      }
    }),
  )
})
