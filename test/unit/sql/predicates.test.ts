import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Duck } from '../../../lake/duckdb.ts'
import { conditionsOf } from '../../../sql/predicates.ts'
import { syntaxTree } from '../../../sql/references.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open({ threads: 1 })
})
afterAll(() => duck.close())

const tables: Record<string, string[]> = { a: ['id', 'x', 'day'], b: ['id', 'y'] }

/** What is asked of silver.a at each place where it is read, as text. */
async function asked(query: string): Promise<string[]> {
  const conditions = conditionsOf(await syntaxTree(duck, query), ({ schema, table }) =>
    schema === 'silver' ? tables[table.toLowerCase()] : undefined,
  )
  return conditions({ schema: 'silver', table: 'a' }).map(list =>
    list.map(({ column, operator, values }) => `${column} ${operator} ${values.map(({ text }) => text).join('|')}`).join(' & '),
  )
}

describe('conditionsOf', () => {
  it.each([
    ['from silver.a where id = 5', ['id = 5']],
    ['from silver.a where 5 < id and A.X >= 2.50', ["id > 5 & x >= CAST('2.50' AS DECIMAL(3, 2))"]],
    [
      "from silver.a as t where t.day between date '2026-01-01' and date '2026-02-01'",
      ["day >= CAST('2026-01-01' AS DATE) & day <= CAST('2026-02-01' AS DATE)"],
    ],
    ['from silver.a where id in (1, -2, 9007199254740993)', ['id = 1|-2|9007199254740993']],
    ["from silver.a where day = '2026-01-01'", ["day = '2026-01-01'"]],
    ['select * from silver.a join silver.b using (id) where x = 1', ['x = 1']],
    ['select * from silver.a, silver.b where a.id = 1 and y = 2', ['id = 1']],
    ['select * from silver.a left join silver.b using (id) where a.x = 1', ['x = 1']],
    ['with c as (select * from silver.a where id = 1) select * from c where x = 2', ['id = 1']],
    ['select (select max(x) from silver.a where id = 1), id from silver.a where id = 2 or x = 3', ['id = 1', '']],
    ['from silver.a where id = 1 union all from silver.a where id = 2', ['id = 1', 'id = 2']],
    ['select * from silver.b where id in (select id from silver.a where x < 3)', ['x < 3']],
  ])('understands: %s', async (query, expected) => {
    expect((await asked(query)).sort()).toEqual([...expected].sort())
  })

  it.each([
    'from silver.a',
    'from silver.a where id = 1 or x = 2',
    'from silver.a where not id = 1',
    'from silver.a where id <> 1 and id is null',
    'from silver.a where id + 1 = 2',
    'from silver.a where abs(id) = 2',
    'from silver.a where id = x',
    'from silver.a where id = (select 1)',
    'from silver.a where id in (select 1)',
    "from silver.a where id in (1, 'x')",
    "from silver.a where id between 1 and '5'",
    'from silver.a where id = NULL',
    "from silver.a where id = try_cast('5' as integer)",
    'select x as id from silver.a where id = 1',
    'select * from silver.a as t(x, id) where t.id = 1',
    'select * from silver.a join silver.b using (id) where id = 1',
    'select * from silver.a, (select 1 as q) where x = 1',
    'select * from silver.b left join silver.a using (id) where a.x = 1',
    'select * from silver.b full join silver.a using (id) where a.x = 1',
    'select * from silver.b asof join silver.a on b.id >= a.id where a.x = 1',
    'select * from silver.b positional join silver.a where a.x = 1',
    'select * from silver.a tablesample 10% where x = 1',
    'select count(*) filter (where x = 1) from silver.a having max(id) = 1',
    'select * from silver.a qualify row_number() over () = 1',
    'pivot silver.a on x in (1) using count(*)',
  ])('takes as read whole: %s', async query => {
    expect(await asked(query)).toEqual([''])
  })
})
