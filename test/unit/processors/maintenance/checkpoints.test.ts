import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commit } from '../../../../lake/commit.ts'
import { Duck } from '../../../../lake/duckdb.ts'
import { checkpointPath } from '../../../../lake/path.ts'
import type { Snapshot } from '../../../../lake/snapshot.ts'
import type { Table } from '../../../../lake/table.ts'
import { Checkpoints } from '../../../../processors/maintenance/checkpoints.ts'
import { someAdd, someFields, tempTable } from '../../lake/temp-table.ts'

let duck: Duck
beforeAll(async () => {
  duck = await Duck.open({ threads: 1 })
})
afterAll(() => duck.close())

const silent = pino({ level: 'silent' })

async function commits(table: Table, count: number, { checkpoints, base }: { checkpoints: Checkpoints; base?: Snapshot }) {
  let snapshot = base
  for (let i = 0; i < count; i++) {
    const metaData = { fields: someFields, configuration: { 'delta.checkpointInterval': '20' } }
    snapshot = await commit(table, { base: snapshot, mode: 'append', operation: 'WRITE', metaData, adds: [someAdd(`f${i}`)] })
    checkpoints.consider(table, snapshot)
  }
  return snapshot!
}

async function written(table: Table, upTo: number): Promise<number[]> {
  const heads = Array.from({ length: upTo + 1 }, (_, version) => table.store.head(checkpointPath(table, version)))
  return (await Promise.all(heads)).flatMap((head, version) => (head ? [version] : []))
}

test('where due, and at the end for a table that has grown by more than a few commits', async () => {
  await using table = await tempTable()
  const checkpoints = new Checkpoints(duck, silent)
  const snapshot = await commits(table, 25, { checkpoints })
  await checkpoints.finish()
  expect(await written(table, 24)).toEqual([20])
  await commits(table, 8, { checkpoints, base: snapshot })
  await checkpoints.finish()
  expect(await written(table, 32)).toEqual([20, 32])
  await checkpoints.finish()
  expect(await written(table, 32)).toEqual([20, 32])
})

test('a table of a few commits needs none', async () => {
  await using table = await tempTable()
  const checkpoints = new Checkpoints(duck, silent)
  await commits(table, 10, { checkpoints })
  await checkpoints.finish()
  expect(await written(table, 9)).toEqual([])
})

test('one that cannot be written harms nothing, and the others go on', async () => {
  await using broken = await tempTable('silver/a/b')
  await using whole = await tempTable('silver/a/c')
  const checkpoints = new Checkpoints(duck, silent)
  const store = new Proxy(broken.store, {
    get: (target, name) =>
      name === 'putFile'
        ? () => Promise.reject(new Error('no'))
        : (Reflect.get(target, name).bind?.(target) ?? Reflect.get(target, name)),
  })
  await commits({ store, path: broken.path }, 21, { checkpoints })
  await commits(whole, 21, { checkpoints })
  await checkpoints.finish()
  expect(await written(broken, 20)).toEqual([])
  expect(await written(whole, 20)).toEqual([20])
})
