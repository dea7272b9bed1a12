// Spark gives a table of ours a feature that binlake does not write: binlake says which, and changes nothing.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadSnapshot } from '../../lake/log.ts'
import { sql } from '../../lake/sql.ts'
import { objects, someFields, tempTable } from '../unit/lake/temp-table.ts'
import { Others } from './others.ts'
import { folderOf } from './same-rows.ts'

let others: Others
beforeAll(async () => {
  others = await Others.open()
})
afterAll(() => others.close())

const property = (text: string) => `ALTER TABLE {table} SET TBLPROPERTIES (${text})`

test.each([
  ['deletion vectors', property("'delta.enableDeletionVectors' = 'true'"), /deletionVectors/],
  [
    'column mapping',
    property("'delta.columnMapping.mode' = 'name', 'delta.minReaderVersion' = '2', 'delta.minWriterVersion' = '5'"),
    /columnMapping/,
  ],
  ['change data feed', property("'delta.enableChangeDataFeed' = 'true'"), /[cC]hangeDataFeed/],
  ['row tracking', property("'delta.enableRowTracking' = 'true'"), /rowTracking|RowTracking|domainMetadata/],
  ['in-commit timestamps', property("'delta.enableInCommitTimestamps' = 'true'"), /[iI]nCommitTimestamp/],
  ['a constraint', 'ALTER TABLE {table} ADD CONSTRAINT positive CHECK (id > 0)', /constraints/],
  ['timestamps without zone', property("'delta.feature.timestampNtz' = 'supported'"), /timestampNtz/],
  ['v2 checkpoints', property("'delta.checkpointPolicy' = 'v2'"), /v2Checkpoint|checkpointPolicy/],
])('%s', async (_, statement, reason) => {
  await using table = await tempTable()
  const one = await others.append(table, sql`SELECT 1 AS id, 'a' AS name`, { fields: someFields })
  await others.engines.spark(folderOf(table), statement)
  const there = await objects(table.store, table.path)
  const refused = { code: 'LAKE_UNSUPPORTED_TABLE', retryable: false, message: expect.stringMatching(reason) }
  await expect(loadSnapshot(table)).rejects.toMatchObject(refused)
  await expect(loadSnapshot(table, { known: one })).rejects.toMatchObject(refused)
  // With the snapshot from before, a commit meets the foreign one and stops, too.
  const late = others.append(table, sql`SELECT 2 AS id, 'b' AS name`, { base: one, fields: someFields })
  await expect(late).rejects.toMatchObject({ code: expect.stringMatching(/LAKE_CONFLICT|LAKE_UNSUPPORTED_TABLE/) })
  expect((await objects(table.store, `${table.path}/_delta_log`)).filter(name => name.endsWith('.json'))).toEqual(
    there.filter(name => name.endsWith('.json')),
  )
})
