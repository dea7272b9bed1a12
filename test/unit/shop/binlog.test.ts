import fc from 'fast-check'
import { expect, test } from 'vitest'
import { beginTransaction, binlogFile, createBinlogState, endTransaction, gtidText, rowPositions } from '../../../shop/binlog.ts'
import { multiplied } from '../multiplied.ts'

const statement = fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 60 })

test('every row has a place of its own, after all before it', () => {
  fc.assert(
    fc.property(fc.array(fc.array(statement, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 200 }), transactions => {
      const state = createBinlogState('uuid')
      let last = ''
      for (const [index, statements] of transactions.entries()) {
        beginTransaction(state)
        const file = binlogFile(state)
        expect(gtidText(state)).toBe(`uuid:${index + 1}`)
        for (const sizes of statements) {
          const places = rowPositions(state, sizes)
          expect(places).toHaveLength(sizes.length)
          for (const { pos, row } of places) {
            const place = `${file} ${String(pos).padStart(10)} ${String(row).padStart(4)}`
            if (place <= last) throw new Error(`${place} does not come after ${last}`)
            last = place
          }
        }
        endTransaction(state)
        expect(binlogFile(state)).toBe(file)
      }
    }),
    { numRuns: multiplied(20) },
  )
})

test('rows of a statement share an event until it is full', () => {
  const state = createBinlogState('uuid')
  beginTransaction(state)
  const places = rowPositions(state, [3_000, 3_000, 3_000, 9_000, 10])
  expect(places.map(({ row }) => row)).toEqual([0, 1, 0, 0, 0])
  expect(places[0]!.pos).toBe(places[1]!.pos)
})

test('files rotate between transactions, and their numbers outgrow six digits', () => {
  const state = { ...createBinlogState('uuid'), file: 999_999, pos: 20 << 20 }
  beginTransaction(state)
  expect(binlogFile(state)).toBe('binlog.1000000')
  expect(state.pos).toBeLessThan(1_000)
})
