import { createHmac, randomBytes } from 'node:crypto'
import { LIST, listValue, VARCHAR } from '@duckdb/node-api'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Duck } from '../../../lake/duckdb.ts'
import { sql } from '../../../lake/sql.ts'
import { MaskKey } from '../../../privacy/keys.ts'
import { bindKey, tokenSql } from '../../../privacy/token.ts'
import { multiplied } from '../multiplied.ts'

const secret = randomBytes(32)
const key = new MaskKey({ domain: 'person', version: 'v7' }, secret)

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open({ threads: 1 })
  await bindKey(duck, key)
})
afterAll(() => duck.close())

/** The same token by node:crypto. */
function reference(canonical: string): string {
  const bits = BigInt(`0x${createHmac('sha256', secret).update('person\0').update(canonical).digest('hex').slice(0, 32)}`) << 2n
  return `tok_v7_${bits.toString(32).padStart(26, '0')}`
}

/** Values are bound, so that NUL may be among them. */
async function tokens(values: (string | null)[], canonical: 'exact' | 'trim-lower' = 'exact'): Promise<(string | null)[]> {
  const statement = sql`SELECT ${tokenSql(sql`v`, key, canonical)} AS token FROM (SELECT unnest($1) AS v, generate_subscripts($1, 1) AS n) ORDER BY n`
  const reader = await duck.connection.runAndReadAll(statement.text, [listValue(values)], [LIST(VARCHAR)])
  return reader.getRowObjectsJS().map(row => row.token as string | null)
}

describe('tokenSql', () => {
  it('equals HMAC-SHA256 of node:crypto', { timeout: multiplied(60_000) }, async () => {
    const values = fc.array(fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ minLength: 50, maxLength: 300 })), {
      minLength: 1,
      maxLength: 40,
    })
    await fc.assert(
      fc.asyncProperty(values, async texts => {
        const sound = texts.map(text => text.toWellFormed())
        expect(await tokens(sound)).toEqual(sound.map(reference))
      }),
      { numRuns: multiplied(30) },
    )
  })

  it.each(['', '\0', 'a\0b', 'Zoë Σίσυφος 😀', 'x'.repeat(64), 'x'.repeat(1000)])('equals it for %j', async text => {
    expect(await tokens([text])).toEqual([reference(text)])
  })

  it('is 128 bits in base32 behind the key version, NULL for NULL', async () => {
    const [token, none] = await tokens(['a@b.c', null])
    expect(token).toMatch(/^tok_v7_[0-9a-v]{26}$/)
    expect(none).toBeNull()
  })

  it('gives spellings of one e-mail address one token, and nothing else', async () => {
    const same = await tokens([' Jane.Doe@Example.COM\t', 'jane.doe@example.com', 'JANE.DOE@EXAMPLE.COM\r\n'], 'trim-lower')
    expect(same).toEqual(Array(3).fill(reference('jane.doe@example.com')))
    // Dots and tags are part of the address for all but one provider.
    const other = await tokens(['janedoe@example.com', 'jane.doe+shop@example.com', 'jane. doe@example.com'], 'trim-lower')
    expect(new Set([...other, same[0]]).size).toBe(4)
  })

  it('differs by domain, version and key', async () => {
    const others = [
      new MaskKey({ domain: 'person', version: 'v8' }, randomBytes(32)),
      new MaskKey({ domain: 'email', version: 'v7' }, secret),
    ]
    const all = [...(await tokens(['x']))]
    for (const each of others) {
      await bindKey(duck, each)
      const row = await duck.row<{ t: string }>(sql`SELECT ${tokenSql(sql`'x'`, each, 'exact')} AS t`)
      all.push(row!.t)
    }
    expect(new Set(all.map(token => token!.slice(-26))).size).toBe(3)
  })

  it('fails, rather than giving tokens of nothing, on a connection without the key', async () => {
    await using other = await duck.fork()
    await expect(other.rows(sql`SELECT ${tokenSql(sql`v`, key, 'exact')} AS t FROM (VALUES ('x')) AS rows(v)`)).rejects.toThrow(
      'mask keys are not bound',
    )
  })

  it('never puts the key into SQL text', () => {
    const text = tokenSql(sql`v`, key, 'exact').text
    for (const block of Object.values(key.blocks())) expect(text.toLowerCase()).not.toContain(block.toString('hex').slice(0, 8))
    expect(text).not.toContain(secret.toString('hex').slice(0, 8))
  })
})
