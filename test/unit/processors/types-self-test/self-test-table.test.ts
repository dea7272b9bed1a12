import { expect, it } from 'vitest'
import { isSelfTest } from '../../../../connectors/self-test-name.ts'
import { createStatement, insertStatement, selfTestRows } from '../../../../processors/types-self-test/self-test-table.ts'
import { passes, verdictOf } from '../../../../processors/types-self-test/verdicts.ts'

const mysql = (major: number, minor: number) => selfTestRows({ flavour: 'mysql', version: [major, minor] })
const mariadb = selfTestRows({ flavour: 'mariadb', version: [10, 11] })

it.each([
  ['MySQL 8.0', mysql(8, 0)],
  ['MySQL 9.7', mysql(9, 7)],
  ['MariaDB 10.11', mariadb],
])('%s: one table, a row a value, and no name twice', (_, rows) => {
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
  const columns = [...new Set(rows.map(({ column }) => column))]
  expect(new Set(columns.map(({ name }) => name)).size).toBe(columns.length)
  const statement = createStatement('`t`', rows)
  for (const { name, declared } of columns) expect(statement).toContain(`  ${name} ${declared}`)
  expect(insertStatement('`t`', rows[3]!)).toBe(`INSERT INTO \`t\` (id, c_tinyint) VALUES (4, 0)`)
})

it('leaves out what a server does not have', () => {
  const types = (rows: typeof mariadb) => new Set(rows.map(({ column }) => column.declared.replace(/\(.*/s, '')))
  expect([types(mysql(9, 7)).has('VECTOR'), types(mysql(8, 4)).has('VECTOR'), types(mariadb).has('VECTOR')]).toEqual([
    true,
    false,
    false,
  ])
  expect([types(mariadb).has('UUID'), types(mysql(9, 7)).has('UUID')]).toEqual([true, false])
  expect(types(mariadb).has('POINT SRID 4326')).toBe(false)
})

it('a value that Debezium is known to lose is called lost, a missing one never passes', () => {
  const zero = mysql(9, 7).find(({ column, limit }) => column.declared === 'YEAR' && limit.name === 'zero')!
  const verdict = (snapshot: 'equal' | 'different' | 'missing', stream: 'equal' | 'different') =>
    verdictOf(zero, { snapshot: new Map([[zero.id, snapshot]]), stream: new Map([[zero.id, stream]]) })
  expect(verdict('different', 'equal')).toMatchObject({ snapshot: 'lost', stream: 'equal', why: expect.stringContaining('2000') })
  expect(passes(verdict('different', 'equal'))).toBe(true)
  expect(passes(verdict('equal', 'different'))).toBe(false)
  expect(passes(verdict('missing', 'equal'))).toBe(false)
  expect(verdictOf(zero, { snapshot: undefined, stream: new Map() })).toMatchObject({ snapshot: 'not run', stream: 'missing' })
})

it('the table and its topic are known by their name alone', () => {
  expect(['binlake_type_test', 'shop.binlake_type_test', 'p.shop.binlake_type_test'].map(isSelfTest)).toEqual([true, true, true])
  expect(['shop.orders', 'shop.binlake_type_test2', 'shop.my_binlake_type_test'].map(isSelfTest)).toEqual([false, false, false])
})
