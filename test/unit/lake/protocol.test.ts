import { expect, test } from 'vitest'
import type { MetaData, Protocol } from '../../../lake/actions.ts'
import { assertSupported, ourProtocol } from '../../../lake/protocol.ts'
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
  const configuration = { 'delta.columnMapping.mode': 'none', 'delta.checkpointInterval': '10', 'cdc.primaryKey': '["id"]' }
  expect(() => check(ourProtocol, { configuration })).not.toThrow()
})

test('versions and features beyond us', () => {
  expect(() => check({ minReaderVersion: 2, minWriterVersion: 5 })).toThrow(refused)
  expect(() => check({ minReaderVersion: 1, minWriterVersion: 8 })).toThrow(refused)
  expect(() =>
    check({ minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['deletionVectors'], writerFeatures: ['deletionVectors'] }),
  ).toThrow(/silver\/t: table feature deletionVectors/)
  expect(() => check({ minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['rowTracking'] })).toThrow(refused)
})

test('properties and columns that oblige a writer', () => {
  for (const key of ['delta.appendOnly', 'delta.enableChangeDataFeed', 'delta.enableDeletionVectors']) {
    expect(() => check(ourProtocol, { configuration: { [key]: 'true' } })).toThrow(refused)
  }
  expect(() => check(ourProtocol, { configuration: { 'delta.columnMapping.mode': 'name' } })).toThrow(refused)
  expect(() => check(ourProtocol, { configuration: { 'delta.constraints.positive': 'id > 0' } })).toThrow(refused)
  expect(() => check(ourProtocol, { format: { provider: 'orc', options: {} } })).toThrow(refused)
  const generated = { ...field('year', 'integer'), metadata: { 'delta.generationExpression': 'year(at)' } }
  expect(() => check(ourProtocol, {}, [generated])).toThrow(/column year with delta.generationExpression/)
})
