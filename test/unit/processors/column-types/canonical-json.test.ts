import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Duck } from '../../../../lake/duckdb.ts'
import { sql } from '../../../../lake/sql.ts'
import { canonicalJson } from '../../../../processors/column-types/canonical-json.ts'
import { multiplied } from '../../multiplied.ts'

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

/** All digits of a double, as Java's BigDecimal prints it. */
function expansion(value: number): string {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, Math.abs(value))
  const raw = bits.getBigUint64(0)
  const exponent = Number(raw >> 52n)
  const mantissa = (raw & ((1n << 52n) - 1n)) | (exponent ? 1n << 52n : 0n)
  const power = (exponent || 1) - 1075
  const scale = Math.max(0, -power)
  const whole = power >= 0 ? mantissa << BigInt(power) : mantissa * 5n ** BigInt(scale)
  const digits = whole.toString().padStart(scale + 1, '0')
  const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`.replace(/\.?0+$/, '')
  return `${value < 0 ? '-' : ''}${text}`
}

/** How Debezium's binlog client prints a double of a JSON document. */
function asDebezium(value: number): string {
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return expansion(value)
  return Number.isInteger(value) ? `${Object.is(value, -0) ? '-0' : value}.0` : String(value)
}

/** How MySQL prints it. */
function asMysql(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value).replace('e+', 'e')
  return /[.e]/.test(text) ? text : `${text}.0`
}

/** A decimal's exact value: digits without outer zeros, and the power of ten of the last. */
function exact(number: string): string {
  const [, sign, before, after = '', power = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number)!
  const all = (before! + after).replace(/^0+/, '')
  const digits = all.replace(/0+$/, '')
  return digits === '' ? '0' : `${sign}${digits}e${Number(power) - after.length + all.length - digits.length}`
}

const numbers = (text: string) => text.slice(1, -1).split(',')
const double = fc.double({ noDefaultInfinity: true, noNaN: true })
/** More digits than a double holds: MySQL has them in a JSON document only as DECIMAL. */
const decimal = fc
  .tuple(fc.boolean(), fc.bigInt({ min: 1n, max: 10n ** 20n }), fc.stringMatching(/^[0-9]{20,30}[1-9]$/))
  .map(([minus, whole, after]) => `${minus ? '-' : ''}${whole}.${after}`)

describe('canonicalJson', () => {
  it.each([
    ['{"a": 1, "b" : [ true , null ]}', '{"a":1,"b":[true,null]}'],
    ['{"a": 1.10}', '{"a":1.1}'],
    ['[100000.0, 1E5, 1.0e+5, 1.0E10, 10000000000.0]', '[100000,100000,100000,10000000000,10000000000]'],
    ['[0.0001, 1.0E-4, 0.0, -0.0, 1e400, 5e-324, 1e-400]', '[0.0001,0.0001,0,0,1e400,5e-324,1e-400]'],
    [
      '[18446744073709551615, -9223372036854775808, 1234567890123456789]',
      '[18446744073709551615,-9223372036854775808,1234567890123456789]',
    ],
    ['[123456789012345677877719597056, 1.2345678901234568e29]', '[1.2345678901234568e29,1.2345678901234568e29]'],
    ['[1234567890123456768, 1.2345678901234568e18]', '[1234567890123456768,1234567890123456768]'],
    [
      '[-6511539454353470464, -6511539454353470000.0, -6.51153945435347e18]',
      '[-6511539454353470464,-6511539454353470464,-6511539454353470464]',
    ],
    ['[6511539454353470000, 1e300]', '[6511539454353470000,1e300]'],
    ['[123456789012345678901234567891]', '[1.23456789012345678901234567891e29]'],
    ['[0.12345678901234567890123456789]', '[0.12345678901234567890123456789]'],
    ['{"x 1.50": "1.50 \\" 2e5", "y": 1.50}', '{"x 1.50":"1.50 \\" 2e5","y":1.5}'],
    ['"\\u00e9 \\/ \\ud83d\\ude00 \\u001f"', '"é / 😀 \\u001F"'],
    ['[-1, 2]', '[-1,2]'],
    ['""', '""'],
    ['{}', '{}'],
  ])('%s becomes %s', async (text, expected) => {
    expect(await canonical(text)).toEqual([expected])
  })

  it('gives one text for a double as MySQL and as Debezium print it, the same double', {
    timeout: multiplied(60_000),
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(double, { minLength: 1, maxLength: 20 }), async values => {
        const [mysql, debezium] = await canonical(`[${values.map(asMysql).join(', ')}]`, `[${values.map(asDebezium).join(',')}]`)
        expect(debezium).toBe(mysql)
        expect(numbers(mysql!).map(text => Number(text) + 0)).toEqual(values.map(value => value + 0))
      }),
      { numRuns: multiplied(40) },
    )
  })

  it('keeps every digit of whole numbers and decimals, and is its own fixed point', { timeout: multiplied(60_000) }, async () => {
    const whole = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }).map(String)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(whole, decimal), { minLength: 1, maxLength: 20 }), async texts => {
        const [once] = await canonical(`[${texts.join(', ')}]`)
        expect(numbers(once!).map(exact)).toEqual(texts.map(exact))
        expect(await canonical(once!)).toEqual([once])
      }),
      { numRuns: multiplied(40) },
    )
  })

  it('gives one text for a document printed in two ways', { timeout: multiplied(60_000) }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue({ maxDepth: 4 }), { minLength: 1, maxLength: 20 }), async documents => {
        const compact = await canonical(...documents.map(document => JSON.stringify(document)))
        const spaced = await canonical(...documents.map(document => JSON.stringify(document, undefined, 3)))
        expect(spaced).toEqual(compact)
        expect(compact.map(text => JSON.parse(text))).toEqual(documents.map(document => JSON.parse(JSON.stringify(document))))
      }),
      { numRuns: multiplied(40) },
    )
  })
})
