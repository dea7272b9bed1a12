import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { type Predicate, prune } from '../../../lake/prune.ts'
import { scan } from '../../../lake/scan.ts'
import { field } from '../../../lake/schema.ts'
import type { Snapshot } from '../../../lake/snapshot.ts'
import { id, join, type Sql, sql, trusted } from '../../../lake/sql.ts'
import type { Table } from '../../../lake/table.ts'
import { writeFile } from '../../../lake/write.ts'
import { openEngine } from '../../../sql/engine.ts'
import { toJson } from '../../../sql/values.ts'
import { multiplied } from '../multiplied.ts'
import { smallLake } from '../sql/small-lake.ts'

const fields = [
  field('n', 'long'),
  field('m', 'decimal(9,2)'),
  field('s', 'string'),
  field('d', 'date'),
  field('t', 'timestamp'),
  field('day', 'date'),
]
let duck: Duck
let table: Table
let snapshot: Snapshot
let lake: Awaited<ReturnType<typeof smallLake>>

beforeAll(async () => {
  duck = await Duck.open({ threads: 1 })
  lake = await smallLake()
  table = { store: lake.store, path: 'silver/shop/x' }
  const adds = []
  for (let file = 0; file < 12; file++) {
    const base = file * 10
    const select = sql`SELECT CASE WHEN range % 4 = 3 OR ${file} = 5 THEN NULL ELSE ${base} + range END AS n, ((${base} + range) / 4)::DECIMAL(9,2) AS m,
      ['', 'a', 'b', 'ä', '10', '9', 'zz'][1 + (${file} + range) % 7] AS s, DATE '2026-01-01' + (${base} + range)::INTEGER AS d,
      TIMESTAMPTZ '2026-01-01 00:00:00.000001+00' + (${base} + range) * INTERVAL 7 MICROSECOND AS t FROM range(12)`
    const partition = { day: file % 4 === 3 ? null : `2026-01-0${1 + (file % 4)}` }
    // One file without bounds, as other writers leave them.
    const stats = file === 7 ? [] : ['n', 'm', 's', 'd', 't']
    adds.push((await writeFile(duck, table, { select, fields, partition, stats }))!)
  }
  await commit(table, {
    base: undefined,
    mode: 'append',
    operation: 'WRITE',
    metaData: { fields, partitionColumns: ['day'] },
    adds,
  })
  snapshot = (await loadSnapshot(table))!
})
afterAll(async () => {
  await duck.close()
  await lake[Symbol.asyncDispose]()
})

const constants: Record<string, fc.Arbitrary<{ text: string; plain: boolean }>> = {
  n: fc.oneof(
    fc.integer({ min: -5, max: 130 }).map(n => ({ text: String(n), plain: false })),
    fc.integer({ min: 0, max: 1_300 }).map(n => ({ text: `CAST('${n / 10}' AS DECIMAL(9,1))`, plain: false })),
    fc.integer({ min: -5, max: 130 }).map(n => ({ text: `'${n}'`, plain: true })),
  ),
  m: fc.integer({ min: 0, max: 140 }).map(n => ({ text: `CAST('${n / 4}' AS DECIMAL(9,3))`, plain: false })),
  s: fc.constantFrom('', 'a', 'b', 'ä', '10', '9', 'zz', 'c').map(text => ({ text: `'${text}'`, plain: true })),
  d: fc
    .integer({ min: -3, max: 130 })
    .map(n => ({ text: `CAST('${new Date(Date.UTC(2026, 0, 1 + n)).toISOString().slice(0, 10)}' AS DATE)`, plain: false })),
  t: fc.integer({ min: 0, max: 900 }).map(n => ({ text: `'2026-01-01 00:00:00.${String(n).padStart(6, '0')}+00'`, plain: true })),
  day: fc.integer({ min: 1, max: 5 }).map(n => ({ text: `'2026-01-0${n}'`, plain: true })),
}
const predicate = fc.constantFrom('n', 'm', 's', 'd', 't', 'day').chain(column =>
  fc.record({
    column: fc.constant(column),
    operator: fc.constantFrom('=' as const, '<' as const, '<=' as const, '>' as const, '>=' as const),
    values: fc.array(constants[column]!, { minLength: 1, maxLength: 3 }),
  }),
)
const asPredicate = (one: {
  column: string
  operator: Predicate['operator']
  values: { text: string; plain: boolean }[]
}): Predicate => ({
  column: one.column,
  operator: one.operator,
  // As the query's reader does: constants of one comparison are of one kind.
  values: one.values.filter(({ plain }) => plain === one.values[0]!.plain).map(({ text }) => trusted(text)),
  plain: one.values[0]!.plain,
})

const condition = ({ column, operator, values }: Predicate): Sql =>
  sql`(${join(
    values.map(value => sql`${id(column)} ${trusted(operator)} ${value}`),
    ' OR ',
  )})`

describe('prune', () => {
  it('never leaves out a file that holds a row asked for, and leaves some out', { timeout: multiplied(60_000) }, async () => {
    let skipped = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(predicate, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 2 }),
        async lists => {
          const wanted = lists.map(list => list.map(asPredicate))
          const files = await prune(duck, snapshot, wanted)
          skipped += snapshot.files.size - files.length
          const where = join(
            wanted.map(list => sql`(${join(list.map(condition), ' AND ')})`),
            ' OR ',
          )
          const count = async (rows: Sql) =>
            (await duck.row<{ n: bigint }>(sql`SELECT count(*) AS n FROM ${rows} WHERE ${where}`))!.n
          expect(await count(await scan(table, snapshot, { files }))).toBe(await count(await scan(table, snapshot)))
        },
      ),
      { numRuns: multiplied(120) },
    )
    expect(skipped).toBeGreaterThan(100)
  })

  it('keeps a file whose bound has more digits than a double holds', async () => {
    const wide = { store: lake.store, path: 'silver/shop/wide' }
    const columns = [field('w', 'decimal(20,2)')]
    const select = sql`SELECT '12345678901234567.89' AS w`
    const add = (await writeFile(duck, wide, { select, fields: columns, stats: ['w'] }))!
    const base = await commit(wide, {
      base: undefined,
      mode: 'append',
      operation: 'WRITE',
      metaData: { fields: columns },
      adds: [add],
    })
    const asked = (value: string) => [[{ column: 'w', operator: '=', values: [trusted(value)], plain: false }] as const]
    expect(await prune(duck, base, asked(`CAST('12345678901234567.89' AS DECIMAL(19,2))`))).toHaveLength(1)
    expect(await prune(duck, base, asked(`CAST('12345678901234567.90' AS DECIMAL(19,2))`))).toHaveLength(0)
  })

  it('lets a query read only those files, and say so', async () => {
    await using result = await openEngine(lake.store).query('select count(*) from silver.x where n = 25')
    expect(result.report.tables).toMatchObject([{ table: 'silver.x', version: 0, files: 3, skipped: 9, rows: 36 }])
    for await (const rows of result.rows(toJson)) expect(rows).toEqual([[1]])
  })

  it.each([
    ['n = 25', [{ column: 'n', operator: '=', values: ['25'], plain: false }], 3],
    ['n < 0', [{ column: 'n', operator: '<', values: ['0'], plain: false }], 2],
    ['day of one partition, and of none', [{ column: 'day', operator: '=', values: ["'2026-01-02'"], plain: true }], 6],
    ['a number beside texts', [{ column: 's', operator: '=', values: ['5'], plain: false }], 12],
    ['a text that is no number', [{ column: 'n', operator: '=', values: ["'x'"], plain: true }], 12],
    ['a column that is not there', [{ column: 'q', operator: '=', values: ['1'], plain: false }], 12],
    ['NULL', [{ column: 'n', operator: '=', values: ['NULL'], plain: false }], 12],
  ] as const)('%s', async (_name, list, files) => {
    const predicates = list.map(one => ({ ...one, values: one.values.map(value => trusted(value)) }))
    expect(await prune(duck, snapshot, [predicates])).toHaveLength(files)
    expect(await prune(duck, snapshot, [predicates, []])).toHaveLength(12)
  })
})
