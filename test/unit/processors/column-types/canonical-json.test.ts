import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Duck } from '../../../../lake/duckdb.ts'
import { sql } from '../../../../lake/sql.ts'
import { canonicalJson } from '../../../../processors/column-types/canonical-json.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open({ threads: 1 })
})
afterAll(() => duck.close())

async function canonical(...texts: string[]): Promise<string[]> {
  const rows = await duck.rows<{ c: string }>(
    sql`SELECT ${canonicalJson(sql`t`)} AS c FROM (SELECT unnest(${texts}) AS t, generate_subscripts(${texts}, 1) AS n) ORDER BY n`,
  )
  return rows.map(row => row.c)
}

/** A decimal's exact value: digits without outer zeros, and the power of ten of the last. */
function exact(number: string): string {
  const [, sign, before, after = '', power = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number)!
  const all = (before! + after).replace(/^0+/, '')
  const digits = all.replace(/0+$/, '')
  if (digits === '') return '0'
  return `${sign}${digits}e${Number(power) - after.length + all.length - digits.length}`
}

const numberText = fc
  .tuple(
    fc.boolean(),
    fc.bigInt({ min: 0n, max: 10n ** 25n }),
    fc.stringMatching(/^[0-9]{1,30}$/),
    fc.integer({ min: -400, max: 400 }),
  )
  .map(([minus, whole, after, power]) => `${minus ? '-' : ''}${whole}.${after}E${power}`)

describe('canonicalJson', () => {
  it.each([
    ['{"a": 1, "b" : [ true , null ]}', '{"a":1,"b":[true,null]}'],
    ['{"a": 1.10}', '{"a":1.1}'],
    ['[100000.0, 1E5, 1.0e+5, 1.0E10, 10000000000.0]', '[100000.0,100000.0,100000.0,10000000000.0,10000000000.0]'],
    ['[0.0001, 1.0E-4, 0.0, -0.0, 1e400, 5e-324]', '[0.0001,0.0001,0.0,-0.0,1.0e400,5.0e-324]'],
    ['[18446744073709551616, -9223372036854775809]', '[18446744073709551616,-9223372036854775809]'],
    ['[0.12345678901234567890123456789]', '[0.12345678901234567890123456789]'],
    ['{"x 1.50": "1.50 \\" 2e5", "y": 1.50}', '{"x 1.50":"1.50 \\" 2e5","y":1.5}'],
    ['"\\u00e9 \\/ \\ud83d\\ude00 \\u001f"', '"é / 😀 \\u001F"'],
    ['[-1, 2]', '[-1,2]'],
    ['""', '""'],
    ['{}', '{}'],
  ])('%s becomes %s', async (text, expected) => {
    expect(await canonical(text)).toEqual([expected])
  })

  it('keeps the exact value of every number, and is its own fixed point', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(numberText, { minLength: 1, maxLength: 20 }), async numbers => {
        const [once] = await canonical(`[${numbers.join(', ')}]`)
        expect(once!.slice(1, -1).split(',').map(exact)).toEqual(numbers.map(exact))
        expect(await canonical(once!)).toEqual([once])
      }),
      { numRuns: 60 },
    )
  })

  it('gives one text for a document printed in two ways', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue({ maxDepth: 4 }), { minLength: 1, maxLength: 20 }), async documents => {
        const compact = await canonical(...documents.map(document => JSON.stringify(document)))
        const spaced = await canonical(...documents.map(document => JSON.stringify(document, undefined, 3)))
        expect(spaced).toEqual(compact)
        expect(compact.map(text => JSON.parse(text))).toEqual(documents.map(document => JSON.parse(JSON.stringify(document))))
      }),
      { numRuns: 60 },
    )
  })
})
