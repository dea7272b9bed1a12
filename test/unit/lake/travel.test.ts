import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkpoint } from '../../../lake/checkpoint.ts'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { commitPath } from '../../../lake/path.ts'
import type { Table } from '../../../lake/table.ts'
import { versionAt } from '../../../lake/travel.ts'
import { multiplied } from '../multiplied.ts'
import { someFields, tempTable } from './temp-table.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open()
})
afterAll(() => duck.close())

/** A table whose commits tell the times given, in milliseconds; undefined: a commit that tells none. */
async function tableOf(table: Table, times: readonly (number | undefined)[]): Promise<void> {
  await commit(table, { base: undefined, mode: 'append', operation: 'CREATE TABLE', metaData: { fields: someFields } })
  const made = (await table.store.get(commitPath(table, 0)))!.toString('utf8')
  for (const [version, timestamp] of times.entries()) {
    const info = JSON.stringify({ commitInfo: timestamp === undefined ? {} : { timestamp } })
    const text = version === 0 ? made.replace(/^.*\n/, `${info}\n`) : `${info}\n`
    await table.store.put(commitPath(table, version), Buffer.from(text))
  }
}

test('the newest version at or before the moment; after the newest commit the newest', async () => {
  await using table = await tempTable()
  await tableOf(table, [1000, 2000, 3000])
  const at = (time: number) => versionAt(table, new Date(time))
  expect(await Promise.all([1000, 1999, 2000, 2001, 3000, 9000].map(at))).toEqual([0, 0, 1, 1, 2, 2])
})

test('no table there', async () => {
  await using table = await tempTable()
  expect(await versionAt(table, new Date())).toBeUndefined()
})

test('before the first commit there is nothing, and that is said with its time', async () => {
  await using table = await tempTable()
  await tableOf(table, [1000, 2000])
  await expect(versionAt(table, new Date(999))).rejects.toMatchObject({
    code: 'LAKE_VERSION_GONE',
    message:
      'silver/shop/orders: there is no version as old as 1970-01-01T00:00:00.999Z; the table begins with version 0, of 1970-01-01T00:00:01.000Z',
  })
})

test('after a cleanup the oldest version is the checkpoint’s', async () => {
  await using table = await tempTable()
  await tableOf(table, [1000, 2000, 3000, 4000])
  await checkpoint(duck, table, (await loadSnapshot(table, { version: 2 }))!)
  for (const version of [0, 1]) await table.store.delete(commitPath(table, version))
  expect(await versionAt(table, new Date(3500))).toBe(2)
  await expect(versionAt(table, new Date(2500))).rejects.toMatchObject({
    code: 'LAKE_VERSION_GONE',
    message: expect.stringContaining('the oldest still there is version 2, of 1970-01-01T00:00:03.000Z'),
  })
})

test('a commit that tells no time has that of its file', async () => {
  await using table = await tempTable()
  const before = Date.now() - 1000
  await tableOf(table, [1000, undefined])
  expect(await versionAt(table, new Date(before))).toBe(0)
  expect(await versionAt(table, new Date(Date.now() + 1000))).toBe(1)
})

test('property: clocks that run ahead do not let a later version come before an earlier one', {
  timeout: multiplied(30_000),
}, async () => {
  const times = fc.array(fc.nat(12), { minLength: 1, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(times, fc.nat(13), async (times, instant) => {
      await using table = await tempTable()
      await tableOf(table, times)
      const beyond = times.findIndex(time => time > instant)
      const expected = (beyond === -1 ? times.length : beyond) - 1
      const found = versionAt(table, new Date(instant))
      if (expected === -1) await expect(found).rejects.toMatchObject({ code: 'LAKE_VERSION_GONE' })
      else expect(await found).toBe(expected)
    }),
    { numRuns: multiplied(40) },
  )
})
