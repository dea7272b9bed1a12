// A table with a long log, made quickly: commits as a writer of small batches leaves them, put side by side.
import { type Add, formatCommit } from '../../../lake/actions.ts'
import { commit } from '../../../lake/commit.ts'
import { each } from '../../../lake/each.ts'
import { commitPath } from '../../../lake/path.ts'
import type { Table } from '../../../lake/table.ts'
import { someFields } from './temp-table.ts'

/** Makes versions 0 to `count` − 1; each but the first adds one file and moves progress. `put` writes an object. */
export async function longLog(table: Table, count: number, put: (path: string, bytes: Buffer) => Promise<void>): Promise<void> {
  await commit(table, { base: undefined, mode: 'append', operation: 'CREATE TABLE', metaData: { fields: someFields } })
  const started = Date.now() - count * 1000
  const versions = Array.from({ length: count - 1 }, (_, i) => i + 1)
  await each(versions, 32, version => {
    const timestamp = started + version * 1000
    const text = formatCommit({
      version,
      commitInfo: { timestamp, operation: 'STREAMING UPDATE', readVersion: version - 1, isBlindAppend: true },
      txns: [{ appId: 'orders#1/0', version: BigInt(version) * 100n, lastUpdated: timestamp }],
      removes: [],
      adds: [addAt(version, timestamp)],
    })
    return put(commitPath(table, version), Buffer.from(text))
  })
}

function addAt(version: number, modificationTime: number): Add {
  const path = `part-${String(version).padStart(8, '0')}-9d6b-4f3e-9a51-3f1a2b3c4d5e.parquet`
  const [low, high] = [version * 100, version * 100 + 99]
  const stats = `{"numRecords":100,"minValues":{"id":${low}},"maxValues":{"id":${high}},"nullCount":{"id":0}}`
  return { path, partitionValues: {}, size: 4096, modificationTime, dataChange: true, stats }
}
