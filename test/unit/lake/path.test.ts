import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dataPath, logFile, newDataPath } from '../../../lake/path.ts'
import type { Table } from '../../../lake/table.ts'

const table = { path: 'bronze/shop/orders' } as Table

test('property: whatever a partition value holds, the logged path leads back to the object, inside the table', () => {
  fc.assert(
    fc.property(
      fc.oneof({ weight: 9, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) }, fc.constant('é'.repeat(120))),
      value => {
        const { object, logged } = newDataPath(table, { p: value })
        expect(dataPath(table, logged)).toBe(object)
        // biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none
        expect(object).toMatch(/^bronze\/shop\/orders\/(p=[^\x00-\x1f/]*[^./]\/)?part-[0-9a-f-]{36}\.parquet$/)
        expect(object.split('/').every(part => Buffer.byteLength(part) <= 200)).toBe(true)
      },
    ),
  )
})

test('the specification’s example: escaped for the folder, then for the log', () => {
  const { object, logged } = newDataPath(table, { p: 'a b%c' })
  expect(object).toMatch(/\/p=a b%25c\/part-/)
  expect(logged).toMatch(/^p=a%20b%2525c\/part-/)
})

test('null and the empty string are Hive’s default partition', () => {
  expect(newDataPath(table, { p: null }).logged).toMatch(/^p=__HIVE_DEFAULT_PARTITION__\//)
  expect(newDataPath(table, { p: '' }).logged).toMatch(/^p=__HIVE_DEFAULT_PARTITION__\//)
})

test('a path that leaves the table is refused', () => {
  for (const path of ['file:///etc/x.parquet', 'abfss://c@a/x.parquet', '/x.parquet']) {
    expect(() => dataPath(table, path)).toThrow(expect.objectContaining({ code: 'LAKE_UNSUPPORTED_TABLE' }))
  }
  for (const path of ['../x.parquet', 'a/%2E%2E/x.parquet', 'a/..%2Fx.parquet']) {
    expect(() => dataPath(table, path)).toThrow(expect.objectContaining({ code: 'LAKE_CORRUPT_LOG' }))
  }
})

test('names in the log', () => {
  const at = (name: string) => logFile(`bronze/t/_delta_log/${name}`)
  expect(at('00000000000000000012.json')).toEqual({ kind: 'commit', version: 12 })
  expect(at('00000000000000000050.checkpoint.parquet')).toEqual({ kind: 'checkpoint', version: 50 })
  expect(at('00000000000000000050.checkpoint.0000000001.0000000002.parquet')).toEqual({
    kind: 'checkpoint-part',
    version: 50,
    part: 1,
    parts: 2,
  })
  for (const form of ['json', 'parquet']) {
    expect(at(`00000000000000000050.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.${form}`)).toEqual({
      kind: 'v2-checkpoint',
      version: 50,
    })
  }
  expect(at('00000000000000000004.00000000000000000009.compacted.json')).toBeUndefined()
  expect(at('00000000000000000050.checkpoint.json')).toBeUndefined()
  expect(at('00000000000000000050.crc')).toBeUndefined()
  expect(at('.00000000000000000050.json.x.tmp')).toBeUndefined()
})
