import { expect, test } from 'vitest'
import { createStatements, shopTable, shopTables } from '../../../shop/tables.ts'

test('every table has a primary key, the two stamps, and parents that come before it', () => {
  const seen = new Set<string>()
  for (const { name, columns, primaryKey, uniqueKeys, foreignKeys } of shopTables) {
    const names = columns.map(column => column.name)
    expect(names.slice(-2)).toEqual(['created_at', 'updated_at'])
    expect(new Set(names).size).toBe(names.length)
    for (const key of [primaryKey, ...uniqueKeys, ...foreignKeys.map(each => each.columns)]) {
      expect(key.length).toBeGreaterThan(0)
      for (const column of key) expect(names).toContain(column)
    }
    for (const { table, columns: from, references } of foreignKeys) {
      expect(seen).toContain(table)
      expect(references).toEqual(shopTable(table).primaryKey)
      // Key and reference have the same type, or MySQL refuses the foreign key.
      const typeOf = (of: string, column: string) => shopTable(of).columns.find(each => each.name === column)!.type
      for (const [index, column] of from.entries()) expect(typeOf(name, column)).toBe(typeOf(table, references[index]!))
    }
    seen.add(name)
  }
  expect(seen.size).toBe(9)
})

test('the statements name their database, and never cascade', () => {
  const statements = createStatements('a`b')
  expect(statements).toHaveLength(10)
  for (const statement of statements) {
    expect(statement).toContain('`a``b`')
    expect(statement).toContain('IF NOT EXISTS')
    expect(statement).not.toMatch(/cascade/i)
  }
  expect(() => shopTable('nothing')).toThrow(RangeError)
})
