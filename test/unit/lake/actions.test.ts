import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Commit, formatCommit, parseCommit } from '../../../lake/actions.ts'
import { someAdd } from './temp-table.ts'

const empty: Commit = { version: 3, txns: [], removes: [], adds: [] }

test('a txn version beyond 2^53 is exact, in and out', () => {
  const text = '{"txn":{"appId":"a","version":9223372036854775807,"lastUpdated":5}}\n'
  const commit = parseCommit(3, text)
  expect(commit.txns).toEqual([{ appId: 'a', version: 9223372036854775807n, lastUpdated: 5 }])
  expect(formatCommit(commit)).toBe(text)
})

test('an appId that looks like JSON stays text', () => {
  const commit = { ...empty, txns: [{ appId: '"version":1,{}\n\u2028', version: 7n }] }
  expect(parseCommit(3, formatCommit(commit))).toEqual(commit)
})

test('statistics stay the text they were, beyond 2^53 too', () => {
  const stats = '{"numRecords":1,"minValues":{"id":9007199254740993}}'
  const text = formatCommit({ ...empty, adds: [someAdd('f.parquet', { stats })] })
  expect(parseCommit(3, text).adds[0]!.stats).toBe(stats)
})

test('the order is commitInfo, protocol, metaData, txn, remove, add', () => {
  const text = formatCommit({
    version: 0,
    commitInfo: { txnId: 'x' },
    protocol: { minReaderVersion: 1, minWriterVersion: 2 },
    metaData: {
      id: 'i',
      format: { provider: 'parquet', options: {} },
      schemaString: '{}',
      partitionColumns: [],
      configuration: {},
    },
    txns: [{ appId: 'a', version: 1n }],
    removes: [{ path: 'r', dataChange: true }],
    adds: [someAdd('a')],
  })
  const kinds = text
    .trimEnd()
    .split('\n')
    .map(line => Object.keys(JSON.parse(line) as object)[0])
  expect(kinds).toEqual(['commitInfo', 'protocol', 'metaData', 'txn', 'remove', 'add'])
})

test('kinds of other engines are passed over', () => {
  const text = '{"domainMetadata":{"domain":"d","configuration":"","removed":false}}\n{"cdc":{"path":"x"}}\n'
  expect(parseCommit(3, text)).toEqual(empty)
})

test('what another engine spells out as null is absent; a partition’s null stays', () => {
  const text = [
    '{"protocol":{"minReaderVersion":1,"minWriterVersion":2,"readerFeatures":null,"writerFeatures":null}}',
    '{"txn":{"appId":"a","version":1,"lastUpdated":null}}',
    '{"remove":{"path":"r","dataChange":true,"deletionTimestamp":null,"size":null,"partitionValues":null,"tags":null}}',
    '{"add":{"path":"a","partitionValues":{"p":null},"size":1,"modificationTime":2,"dataChange":true,"stats":null,"tags":null,' +
      '"baseRowId":null,"defaultRowCommitVersion":null,"clusteringProvider":null,"deletionVector":null}}',
  ].join('\n')
  expect(parseCommit(3, text)).toEqual({
    version: 3,
    protocol: { minReaderVersion: 1, minWriterVersion: 2 },
    txns: [{ appId: 'a', version: 1n }],
    removes: [{ path: 'r', dataChange: true }],
    adds: [{ path: 'a', partitionValues: { p: null }, size: 1, modificationTime: 2, dataChange: true }],
  })
})

test('a line cut off is an error, not a shorter commit', () => {
  expect(() => parseCommit(0, '{"add":{"path":"a"')).toThrow(SyntaxError)
})

test('property: format and parse give the same actions back', () => {
  const text = fc.string({ unit: 'binary', maxLength: 20 })
  const add = fc.record({
    path: text,
    stats: text,
    size: fc.nat(),
    partitionValues: fc.dictionary(fc.stringMatching(/^[a-z]+$/), fc.option(text)),
  })
  const txn = fc.record({ appId: text, version: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }) })
  fc.assert(
    fc.property(fc.array(add, { maxLength: 4 }), fc.array(txn, { maxLength: 4 }), (adds, txns) => {
      const commit = { ...empty, txns, adds: adds.map(({ path, ...more }) => someAdd(path, more)) }
      expect(parseCommit(3, formatCommit(commit))).toEqual(commit)
    }),
  )
})
