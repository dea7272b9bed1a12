// Verify itself is held to what it must find: random rows, random damage of silver, and exactly that damage is told.

import { writeFile } from 'node:fs/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RowKeys } from '../../../../connectors/source-rows.ts'
import { dataPath } from '../../../../lake/path.ts'
import { sql } from '../../../../lake/sql.ts'
import { bindKey, tokenSql } from '../../../../privacy/token.ts'
import { tokenKey } from '../../../../processors/replay/key-token.ts'
import { paths } from '../../../../processors/silver-parts.ts'
import type { SourceColumn, SourceTable } from '../../../../processors/source-schema.ts'
import { compareTable } from '../../../../processors/verify/compare-table.ts'
import { verifyTable } from '../../../../processors/verify/verify-table.ts'
import { multiplied } from '../../multiplied.ts'
import { ForgedSilver, keys, type Row, schema, sourceOf } from './forged-silver.ts'

let forged: ForgedSilver
beforeEach(async () => {
  forged = await ForgedSilver.open()
})
afterEach(() => forged.close())

const text = fc.string({
  minLength: 0,
  maxLength: 12,
  unit: fc.constantFrom('a', 'B', 'é', '😀', "'", '"', '\\', ' ', '\n', '\u0001', ','),
})
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null, freq: 4 })
const rowWithout = fc.tuple(
  maybe(text.map(name => `x${name}@example.test`)),
  maybe(fc.integer({ min: -999_999, max: 999_999 }).map(cents => (cents / 100).toFixed(2))),
  maybe(
    fc
      .date({ min: new Date('1900-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
      .map(day => day.toISOString().slice(0, 10)),
  ),
  maybe(fc.double({ noNaN: true, noDefaultInfinity: true }).map(String)),
)
const key = fc.tuple(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom('a', 'b', '|', 'é') }),
)
const table = fc.uniqueArray(
  fc.tuple(key, rowWithout).map(([[id, kind], rest]): Row => [id, kind, ...rest]),
  { selector: ([id, kind]) => `${id}|${kind}`.toLowerCase(), minLength: 4, maxLength: 40 },
)
type Damage = 'none' | 'missing' | 'extra' | 'value' | 'null'
const damages = fc.array(fc.constantFrom<Damage[]>('none', 'none', 'none', 'missing', 'extra', 'value', 'null'), {
  minLength: 40,
  maxLength: 40,
})

function compare(rows: readonly Row[], { pieceBytes }: { pieceBytes?: number } = {}) {
  const { duck, lake, schema: of, mask, folder } = forged
  return compareTable({
    duck,
    lake,
    schema: of,
    mask,
    source: sourceOf(rows),
    scratch: folder,
    keys,
    examples: 1_000,
    ...(pieceBytes ? { pieceBytes } : {}),
  })
}

describe('verify', () => {
  it('finds exactly the rows that were damaged, by kind, key and column', { timeout: multiplied(120_000) }, async () => {
    await fc.assert(
      fc.asyncProperty(table, damages, async (rows, chosen) => {
        const silver: Row[] = []
        const source: Row[] = []
        const expected = new Map<string, { difference: string; columns: string[] }>()
        for (const [i, row] of rows.entries()) {
          const name = [row[0], row[1]].join('\x1f')
          const damage = chosen[i % chosen.length]!
          if (damage !== 'extra') source.push(row)
          if (damage !== 'missing') silver.push(damaged(row, damage))
          if (damage === 'missing') expected.set(name, { difference: 'missing in silver', columns: [] })
          if (damage === 'extra') expected.set(name, { difference: 'only in silver', columns: [] })
          if (damage === 'value') expected.set(name, { difference: 'different', columns: ['amount'] })
          if (damage === 'null' && row[2] !== null) expected.set(name, { difference: 'different', columns: ['email'] })
        }
        await forged.put(silver)
        const verdict = await compare(source, { pieceBytes: 300 })
        const named = await tokensOf([...expected.keys()])
        expect(new Map(verdict.examples.map(({ key: token, ...rest }) => [token, rest]))).toEqual(
          new Map([...expected].map(([name, what]) => [named.get(name), what])),
        )
        expect(verdict.rows).toEqual({ source: source.length, silver: silver.length })
        expect(verdict.equal).toBe(expected.size === 0)
        expect(Object.values(verdict.differences).reduce((sum, n) => sum + n, 0)).toBe(expected.size)
      }),
      { numRuns: multiplied(25) },
    )
  })

  it('compares a table without a key by how often each row is there', async () => {
    await forged.close()
    forged = await ForgedSilver.open({ ...schema, primaryKey: [] })
    const row: Row = ['1', 'a', null, '1.00', null, null]
    const other: Row = ['2', 'b', 'x@example.test', null, '2000-01-01', '0.5']
    await forged.put([row, row, other])
    expect((await compare([other, row, row])).equal).toBe(true)
    expect((await compare([row, other])).differences).toEqual({ 'missing in silver': 0, 'only in silver': 0, different: 1 })
    expect((await compare([row, row])).differences).toEqual({ 'missing in silver': 0, 'only in silver': 1, different: 0 })
  })

  it('tells of a difference only if it stays while it is looked at', async () => {
    const rows: Row[] = [1, 2, 3].map(n => [String(n), 'a', null, `${n}.00`, null, null])
    await forged.put(rows)
    const { duck, lake, mask, folder } = forged
    // Row 2 is new in MySQL and on its way; row 3 is damaged for good.
    const now: Row[] = [rows[0]!, ['2', 'a', null, '9.00', null, null], ['3', 'a', null, '8.00', null, null]]
    let looks = 0
    const verdict = await verifyTable({
      duck,
      lake,
      schema,
      mask,
      source: sourceOf(now),
      scratch: folder,
      keys,
      until: Date.now() + 5_000,
      patient: true,
      openSource: async () => {
        if (++looks === 1) await forged.put([rows[0]!, now[1]!, rows[2]!])
        return sourceOf(now)
      },
    })
    expect(verdict).toMatchObject({ equal: false, differences: { different: 1 }, unsettled: 0 })
    expect(verdict.examples.map(({ key: token }) => token)).toEqual([(await tokensOf(['3\x1fa'])).get('3\x1fa')])
  })

  it.each<[string, Partial<SourceColumn>, string, string]>([
    ['binary', { typeName: 'BINARY', length: 4 }, '00C0FFEE', '00C0FFEF'],
    ['a time', { typeName: 'DATETIME' }, '2026-01-02 03:04:05', '2026-01-02 03:04:06'],
    ['text', { typeName: 'VARCHAR', length: 9 }, 'a', 'b'],
  ])('asks for a row that came to MySQL after the first look, whose key is %s', async (_, type, one, other) => {
    await forged.close()
    const [first, ...rest] = schema.columns
    const { length: _length, ...id } = first!
    const table: SourceTable = { ...schema, primaryKey: ['id'], columns: [{ ...id, ...type }, ...rest] }
    forged = await ForgedSilver.open(table)
    const rows: Row[] = [one, other].map(key => [key, 'a', null, '1.00', null, null])
    await forged.put(rows)
    const { duck, lake, mask, folder } = forged
    const asked: (RowKeys | undefined)[] = []
    const verdict = await verifyTable({
      ...{ duck, lake, schema: table, mask, source: sourceOf([rows[0]!]), scratch: folder, keys },
      ...{ until: Date.now() + 5_000, patient: true },
      openSource: async () => ({
        ...sourceOf(rows),
        // As MySQL: no other rows than those of the keys that it is asked for.
        rows: async (of, columns, only) => {
          asked.push(only)
          const wanted = rows.filter(([key]) => !only || only.keys.some(([text]) => text === key))
          return sourceOf(wanted).rows(of, columns)
        },
      }),
    })
    expect(verdict.equal).toBe(true)
    expect(asked[0]?.keys).toEqual(type.typeName === 'DATETIME' ? undefined : [[other]])
  })

  it('says which table cannot be read and what to type when a file of silver is damaged', async () => {
    const rows: Row[] = [['1', 'a', null, '1.00', null, null]]
    await forged.put(rows)
    const path = paths(schema).current
    const [add] = (await forged.lake.current(path))!.files.values()
    const file = await forged.lake.store.fetch(dataPath(forged.lake.table(path), add!.path), add!.size)
    await writeFile(file, Buffer.alloc(add!.size, 'x'))
    await expect(compare(rows)).rejects.toMatchObject({
      code: 'VERIFY_SILVER_UNREADABLE',
      message: expect.stringContaining('`binlake replay shop.people`'),
    })
  })
})

function damaged(row: Row, damage: Damage): Row {
  if (damage === 'value') return row.with(3, row[3] === '77.77' ? '77.78' : '77.77')
  return damage === 'null' ? row.with(2, null) : row
}

async function tokensOf(names: readonly string[]): Promise<Map<string, string>> {
  const { duck, lake } = forged
  const key = tokenKey(keys, (await lake.current('bronze/shop/people'))?.metaData.id ?? '')
  await bindKey(duck, key)
  const found = await duck.rows<{ name: string; token: string }>(
    sql`SELECT name, ${tokenSql(sql`name`, key, 'exact')} AS token FROM (SELECT unnest(${JSON.stringify(names)}::JSON::VARCHAR[]) AS name)`,
  )
  return new Map(found.map(({ name, token }) => [name, token]))
}
