import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../../../connectors/open-store.ts'
import { Lakehouse } from '../../../../lake/lakehouse.ts'
import { restore } from '../../../../processors/as-of/restore.ts'
import { openEngine } from '../../../../sql/engine.ts'
import { parsePoint } from '../../../../sql/point.ts'
import { toJson } from '../../../../sql/values.ts'
import { ForgedLake } from '../forged-lake.ts'
import { ForgedServer } from '../forged-server.ts'

const server = new ForgedServer()
let lake: ForgedLake
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'binlake-restore-'))
  server.seed([{ table: 'a', id: 1, v: 'seed' }])
  server.snapshot()
  server.transaction([
    { table: 'a', id: 1, v: 'then' },
    { table: 'b', id: 1, v: 'then' },
  ])
  server.transaction([
    { table: 'a', id: 1, v: null },
    { table: 'b', id: 1, v: 'now' },
  ])
  lake = await ForgedLake.open(server)
  await lake.ingest()
  await lake.refine()
})
afterAll(async () => {
  await lake.close()
  await rm(folder, { recursive: true, force: true })
})

async function copy(name: string, point: string, tables: string[] = []) {
  const store = await openStore(`file://${folder}/${name}`, { cacheDir: join(folder, 'cache') })
  const { signal } = new AbortController()
  const options = { duck: lake.duck, lake: lake.lake, to: new Lakehouse(store), gold: [], log: lake.log, tables, signal }
  return { store, restored: await restore({ ...options, point: parsePoint(point) }) }
}

async function rows(store: Awaited<ReturnType<typeof copy>>['store'], text: string): Promise<unknown[][]> {
  await using result = await openEngine(store, { threads: 1 }).query(text)
  const all: unknown[][] = []
  for await (const block of result.rows(toJson)) all.push(...block)
  return all
}

describe('restore', () => {
  it('writes all tables as they were after a transaction, with their histories, and leaves the lake alone', async () => {
    const before = (await lake.lake.current('silver/shop/a'))!.version
    const { store } = await copy('then', server.marks[0]!.gtid)
    expect(await rows(store, "select 'a', id, v from silver.a union all select 'b', id, v from silver.b order by 1")).toEqual([
      ['a', 1, 'then'],
      ['b', 1, 'then'],
    ])
    expect(await rows(store, 'select v, _is_current from silver.a_history order by _seq')).toEqual([
      ['seed', false],
      ['then', true],
    ])
    expect((await lake.lake.current('silver/shop/a'))!.version).toBe(before)
  })

  it('copies the versions of a time or the one of a table', async () => {
    const { store, restored } = await copy('versions', new Date(Date.now() + 1_000).toISOString())
    expect(await rows(store, 'select v from silver.b')).toEqual([['now']])
    expect(restored.tables).toHaveLength(6)
    const one = await copy('one', '0', ['b'])
    expect(one.restored.tables).toEqual([{ path: 'silver/shop/b', rows: 1 }])
  })

  it('refuses a place that holds tables, a version of everything, a table that is not there', async () => {
    await copy('full', server.marks[0]!.executed)
    await expect(copy('full', server.marks[0]!.executed)).rejects.toMatchObject({ code: 'RESTORE_REFUSED' })
    await expect(copy('every', '0')).rejects.toMatchObject({ code: 'RESTORE_REFUSED' })
    await expect(copy('none', server.marks[0]!.gtid, ['c'])).rejects.toMatchObject({ code: 'RESTORE_REFUSED' })
    for (const point of [server.marks[0]!.gtid, '0', new Date(Date.now() + 1_000).toISOString()])
      await expect(copy('none', point, ['a', 'c'])).rejects.toMatchObject({
        code: 'RESTORE_REFUSED',
        message: expect.stringMatching(/^c: no such table/),
      })
  })

  it('refuses a place inside the lake, whose tables it would seem to be', async () => {
    const inside = await openStore(`${lake.lake.store.url}/silver`, { cacheDir: join(folder, 'cache') })
    const { signal } = new AbortController()
    const options = { duck: lake.duck, lake: lake.lake, gold: [], log: lake.log, signal, point: parsePoint('0'), tables: ['a'] }
    await expect(restore({ ...options, to: new Lakehouse(inside) })).rejects.toMatchObject({
      code: 'RESTORE_REFUSED',
      message: expect.stringContaining('inside the lake'),
    })
  })
})
