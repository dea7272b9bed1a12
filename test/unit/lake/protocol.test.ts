import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { MetaData, Protocol } from '../../../lake/actions.ts'
import { assertMayRemove, assertSupported, ourProtocol } from '../../../lake/protocol.ts'
import { type Field, field } from '../../../lake/schema.ts'

const metaData: MetaData = {
  id: 'i',
  format: { provider: 'parquet', options: {} },
  schemaString: '',
  partitionColumns: [],
  configuration: {},
}
const check = (protocol: Protocol, more: Partial<MetaData> = {}, fields: Field[] = [field('id', 'long')]) =>
  assertSupported('silver/t', { protocol, metaData: { ...metaData, ...more }, fields })
const refused = expect.objectContaining({ code: 'LAKE_UNSUPPORTED_TABLE' })

test('our own protocol, and features that ask nothing of us', () => {
  expect(() => check(ourProtocol)).not.toThrow()
  expect(() => check({ minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['appendOnly', 'invariants'] })).not.toThrow()
  const configuration = {
    'delta.columnMapping.mode': 'none',
    'delta.checkpointInterval': '10',
    'delta.checkpointPolicy': 'classic',
    'delta.enableChangeDataFeed': 'false',
    'delta.appendOnly': 'true',
    'cdc.primaryKey': '["id"]',
  }
  expect(() => check(ourProtocol, { configuration })).not.toThrow()
})

test('older protocols that could do what the table does not use', () => {
  expect(() => check({ minReaderVersion: 2, minWriterVersion: 6 })).not.toThrow()
  expect(() =>
    check({ minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['columnMapping'], writerFeatures: ['columnMapping'] }),
  ).not.toThrow()
})

test('versions beyond us', () => {
  for (const [minReaderVersion, minWriterVersion] of [
    [4, 7],
    [0, 2],
    [1, 8],
  ] as const) {
    expect(() => check({ minReaderVersion, minWriterVersion })).toThrow(refused)
  }
})

describe('table features', () => {
  const both = ['deletionVectors', 'timestampNtz', 'v2Checkpoint', 'typeWidening', 'variantType', 'catalogManaged']
  test.each(both)('of readers and writers: %s', feature => {
    const features = { readerFeatures: [feature], writerFeatures: [feature, 'appendOnly'] }
    expect(() => check({ minReaderVersion: 3, minWriterVersion: 7, ...features })).toThrow(
      `silver/t: table feature ${feature}; binlake neither reads nor writes it`,
    )
  })
  const writer = ['rowTracking', 'domainMetadata', 'inCommitTimestamp', 'icebergCompatV2', 'clustering', 'allowColumnDefaults']
  test.each(writer)('of writers: %s', feature => {
    expect(() => check({ minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['invariants', feature] })).toThrow(
      `table feature ${feature}`,
    )
  })
  test('property: one that nobody has heard of', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,8}-preview$/), feature => {
        expect(() => check({ minReaderVersion: 1, minWriterVersion: 7, writerFeatures: [feature] })).toThrow(refused)
      }),
    )
  })
})

describe('table properties', () => {
  test.each([
    ['delta.enableChangeDataFeed', 'true'],
    ['delta.enableDeletionVectors', 'true'],
    ['delta.enableRowTracking', 'true'],
    ['delta.enableInCommitTimestamps', 'true'],
    ['delta.enableTypeWidening', 'True'],
    ['delta.enableIcebergCompatV1', 'true'],
    ['delta.enableIcebergCompatV2', 'true'],
    ['delta.universalFormat.enabledFormats', 'iceberg'],
    ['delta.columnMapping.mode', 'name'],
    ['DELTA.columnmapping.MODE', 'id'],
    ['delta.checkpointPolicy', 'v2'],
    ['delta.constraints.positive', 'id > 0'],
  ])('%s = %s', (key, value) => {
    expect(() => check(ourProtocol, { configuration: { [key]: value } })).toThrow(`property ${key}`)
  })
  test('another file format', () =>
    expect(() => check(ourProtocol, { format: { provider: 'orc', options: {} } })).toThrow(refused))
})

describe('columns', () => {
  const column = (metadata: Record<string, unknown>): Field => ({ ...field('year', 'integer'), metadata })
  test.each([
    'delta.generationExpression',
    'delta.invariants',
    'delta.identity.start',
    'delta.columnMapping.id',
    'delta.typeChanges',
    'CURRENT_DEFAULT',
  ])('%s', duty => {
    expect(() => check(ourProtocol, {}, [column({ [duty]: 'x' })])).toThrow(`column year with ${duty}`)
    const struct = field('deep', {
      type: 'array',
      elementType: { type: 'struct', fields: [column({ [duty]: 'x' })] },
      containsNull: true,
    })
    expect(() => check(ourProtocol, {}, [struct])).toThrow(`column deep.year with ${duty}`)
  })
  test('a comment asks for nothing', () => expect(() => check(ourProtocol, {}, [column({ comment: 'x' })])).not.toThrow())
})

test('a table for new rows only: rows may come, and move to other files, but not go', () => {
  const only = { ...metaData, configuration: { 'delta.appendOnly': 'true' } }
  expect(() => assertMayRemove('silver/t', only, [])).not.toThrow()
  expect(() => assertMayRemove('silver/t', only, [{ dataChange: false }])).not.toThrow()
  expect(() => assertMayRemove('silver/t', only, [{ dataChange: true }])).toThrow(refused)
  expect(() => assertMayRemove('silver/t', metaData, [{ dataChange: true }])).not.toThrow()
})
