import { expect, test } from 'vitest'
import { type DeltaType, decimalOf, duckType, field, parseSchema, sameType, schemaString } from '../../../lake/schema.ts'

test('every type has its DuckDB type', () => {
  const nested: DeltaType = {
    type: 'struct',
    fields: [
      field('a"b', 'integer'),
      field('l', {
        type: 'array',
        elementType: { type: 'map', keyType: 'string', valueType: 'decimal(20,3)', valueContainsNull: true },
        containsNull: true,
      }),
    ],
  }
  expect(duckType(nested)).toBe('STRUCT("a""b" INTEGER, "l" MAP(VARCHAR, DECIMAL(20,3))[])')
  expect(duckType('timestamp')).toBe('TIMESTAMPTZ')
})

test('decimals within Delta’s bounds', () => {
  expect(decimalOf('decimal(38,38)')).toEqual({ precision: 38, scale: 38 })
  expect(decimalOf('decimal(39,0)')).toBeUndefined()
  expect(decimalOf('decimal(5,6)')).toBeUndefined()
  expect(decimalOf('long')).toBeUndefined()
})

test('a schema goes to text and back', () => {
  const fields = [field('id', 'long'), field('tags', { type: 'array', elementType: 'string', containsNull: true })]
  expect(parseSchema(schemaString(fields))).toEqual(fields)
})

test('types we do not store and required columns are refused', () => {
  const refused = (type: unknown, nullable = true) =>
    JSON.stringify({ type: 'struct', fields: [{ name: 'x', type, nullable, metadata: {} }] })
  for (const text of [
    refused('timestamp_ntz'),
    refused('variant'),
    refused('decimal(40,2)'),
    refused({ type: 'udt' }),
    refused('long', false),
  ]) {
    expect(() => parseSchema(text)).toThrow(expect.objectContaining({ code: 'LAKE_UNSUPPORTED_TABLE' }))
  }
})

test('spelling does not make another type', () => {
  expect(sameType('decimal(10,2)', 'decimal(10, 2)' as DeltaType)).toBe(true)
  expect(sameType('decimal(10,2)', 'decimal(10,3)')).toBe(false)
})
