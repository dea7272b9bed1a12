import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fileSize, filesFor } from '../../../lake/file-size.ts'

const [KB, MB, GB, TB] = [1e3, 1e6, 1e9, 1e12]
const bytes = fc.double({ min: 3, max: 13, noNaN: true }).map(power => Math.round(10 ** power))

test.each([
  [0, 1],
  [40 * KB, 1],
  [8 * MB, 1],
  [12 * MB, 1],
  [13 * MB, 2],
  [100 * MB, 13],
  [1 * GB, 125],
  [16 * GB, 128],
  [64 * GB, 500],
  [1 * TB, 500],
])('a table of %i bytes is written as %i files', (live, files) => {
  expect(filesFor(live, fileSize(live))).toBe(files)
})

test('property: files are of the size the rule wants, and few, whatever the table holds', () => {
  fc.assert(
    fc.property(bytes, live => {
      const size = fileSize(live)
      const files = filesFor(live, size)
      expect(files).toBeLessThanOrEqual(500)
      expect(live / files).toBeLessThanOrEqual(size.splitAt)
      if (files > 1) expect(live / files).toBeGreaterThanOrEqual(size.joinBelow)
      // Even if all of them shrank to where they are joined.
      if (live > 100 * MB) expect(Math.floor(live / size.joinBelow)).toBeLessThanOrEqual(1_000)
    }),
  )
})

test('property: a larger table never has smaller files', () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      const [less, more] = [fileSize(Math.min(a, b)), fileSize(Math.max(a, b))]
      expect(less.target).toBeLessThanOrEqual(more.target)
      expect(less.joinBelow).toBeLessThan(less.target)
      expect(less.target).toBeLessThan(less.splitAt)
    }),
  )
})

test('property: what comes of a split is neither split again nor joined', () => {
  fc.assert(
    fc.property(bytes, bytes, (live, written) => {
      const size = fileSize(live)
      const files = filesFor(written, size)
      expect(filesFor(written / files, size)).toBe(1)
      if (files > 1) expect(written / files).toBeGreaterThanOrEqual(size.joinBelow)
    }),
  )
})
