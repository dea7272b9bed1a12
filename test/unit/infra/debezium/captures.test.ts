import { expect, test } from 'vitest'
import { uncapturedBy } from '../../../../infra/debezium/captures.ts'

const name = { database: 'shop', table: 'binlake_type_test' }

test.each<[config: Record<string, string>, setting: string | undefined]>([
  [{}, undefined],
  [{ 'database.include.list': 'shop' }, undefined],
  [{ 'database.include.list': 'other, SHOP' }, undefined],
  [{ 'database.include.list': 'sho' }, 'database.include.list'],
  [{ 'database.exclude.list': 'sh.p' }, 'database.exclude.list'],
  [{ 'database.include.list': 'shop', 'table.include.list': 'shop\\.(orders|customers)' }, 'table.include.list'],
  [{ 'table.include.list': 'shop\\..*' }, undefined],
  [{ 'table.include.list': 'orders' }, 'table.include.list'],
  [{ 'table.exclude.list': 'shop\\.binlake.*' }, 'table.exclude.list'],
])('%j leaves the table out by %s', (config, setting) => {
  expect(uncapturedBy(config, name)).toBe(setting)
})
