// Keys as conditions: every key is met, no value ends its literal, and requests stay as short as the signal table wants them.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keysCondition } from '../../../connectors/mysql-keys.ts'
import { conditionsOf } from '../../../connectors/snapshot-requests.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { trusted } from '../../../lake/sql.ts'
import { multiplied } from '../multiplied.ts'

const number = { name: 'id', as: 'number' } as const
const text = { name: 'na`me', as: 'text' } as const
const ask = { database: 'shop', table: 'a.b' }

describe('keysCondition', () => {
  it('makes ranges of neighbouring whole numbers', () => {
    const keys = ['3', '1', '2', '7', '9007199254740993', '-5', '2'].map(key => [key])
    expect(keysCondition({ columns: [number], keys })).toBe('`id` BETWEEN 1 AND 3 OR `id` IN (-5, 7, 9007199254740993)')
  })

  it('writes text as digits, whatever it holds', () => {
    expect(keysCondition({ columns: [text], keys: [["' OR 1 = 1 -- é"]] })).toBe(
      "`na``me` IN (_utf8mb4 X'27204f522031203d2031202d2d20c3a9')",
    )
    expect(keysCondition({ columns: [{ name: 'b', as: 'hex' }], keys: [['0AFF']] })).toBe("`b` IN (X'0AFF')")
    expect(keysCondition({ columns: [number, text], keys: [['1', 'a']] })).toBe("(`id` = 1 AND `na``me` = _utf8mb4 X'61')")
    expect(keysCondition({ columns: [number], keys: [] })).toBe('FALSE')
  })
})

describe('conditionsOf', () => {
  it('meets exactly the keys, each condition short enough for a signal', async () => {
    await using duck = await Duck.open({ threads: 1 })
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 0, max: 3_000 }), { minLength: 1, maxLength: 900 }), async wanted => {
        const conditions = conditionsOf(ask, { columns: [number], keys: wanted.map(key => [String(key)]) })!
        for (const condition of conditions) expect(condition.length).toBeLessThan(2_000)
        const any = conditions.map(condition => `(${condition.replaceAll('`', '"')})`).join(' OR ')
        const met = await duck.rows<{ id: bigint }>(trusted(`SELECT id FROM range(3001) AS t(id) WHERE ${any}`))
        expect(met.map(({ id }) => Number(id)).sort((a, b) => a - b)).toEqual(wanted.toSorted((a, b) => a - b))
      }),
      { numRuns: multiplied(25) },
    )
  })

  it('gives up on a key that does not fit', () => {
    expect(conditionsOf(ask, { columns: [text], keys: [['x'.repeat(2_000)]] })).toBeUndefined()
  })
})
