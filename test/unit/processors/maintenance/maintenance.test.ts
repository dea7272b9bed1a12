import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Maintenance, type MaintenanceOptions } from '../../../../processors/maintenance/maintenance.ts'
import { defaultRetentions } from '../../../../processors/maintenance/retention.ts'
import { LakeOfEvents } from '../lake-of-events.ts'

let events: LakeOfEvents
beforeEach(async () => {
  events = await LakeOfEvents.open()
  for (let i = 0; i < 6; i++) await events.ingest({ op: 'c', id: i, v: 'v', pos: 10 + i })
  await events.refine()
})
afterEach(() => events.close())

function options(more: Partial<MaintenanceOptions> = {}): MaintenanceOptions {
  const times = { compact: 20, vacuum: 20, longestWrite: 3_600_000, patience: 86_400_000 }
  const hears = { owns: () => true, onBronze: () => {}, onFailure: () => {} }
  const log = pino({ level: 'silent' })
  return { ...times, ...hears, memory: 100e6, retentions: defaultRetentions, lake: events.lake, log, ...more }
}

const files = async () => (await events.lake.current('bronze/shop/t'))!.files.size

it('compacts what it owns while it runs, tells of bronze, and ends when asked', { timeout: 60_000 }, async () => {
  const told = new Set<string>()
  const maintenance = new Maintenance(options({ onBronze: ({ table }) => told.add(table) }))
  for (let i = 0; i < 200 && (await files()) > 1; i++) await sleep(50)
  await maintenance.stop()
  expect(await files()).toBe(1)
  expect([...told]).toEqual(['t'])
  expect((await events.lake.current('silver/shop/t'))!.metaData.configuration['delta.logRetentionDuration']).toBe(
    'interval 1 day',
  )
})

it('leaves alone what another worker owns', { timeout: 60_000 }, async () => {
  const asked: string[] = []
  const owns: MaintenanceOptions['owns'] = ({ table }) => {
    asked.push(table)
    return false
  }
  const maintenance = new Maintenance(options({ owns }))
  for (let i = 0; i < 200 && asked.length < 8; i++) await sleep(20)
  await maintenance.stop()
  expect(asked.length).toBeGreaterThanOrEqual(8)
  expect(await files()).toBe(6)
})

it('a failure of one table is told and keeps no other waiting; a full disk ends it', { timeout: 60_000 }, async () => {
  const warned: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void warned.push(JSON.parse(line).table) })
  const { store } = events.lake
  const list = store.list.bind(store)
  let code = 'STORE_UNREACHABLE'
  store.list = prefix => {
    if (prefix.startsWith('bronze/shop/t')) throw Object.assign(new Error('no'), { code })
    return list(prefix)
  }
  let failed = false
  const maintenance = new Maintenance(
    options({
      log,
      onFailure: () => {
        failed = true
      },
    }),
  )
  const silver = async () => (await events.lake.current('silver/shop/t'))!.metaData.configuration['delta.logRetentionDuration']
  for (let i = 0; i < 200 && (await silver()) === undefined; i++) await sleep(20)
  expect([...new Set(warned)]).toEqual(['bronze/shop/t'])
  expect(failed).toBe(false)
  code = 'STORE_FULL'
  for (let i = 0; i < 200 && !failed; i++) await sleep(20)
  await expect(maintenance.stop()).rejects.toMatchObject({ code: 'STORE_FULL' })
})

it('a table that cannot be compacted is vacuumed all the same', { timeout: 60_000 }, async () => {
  const { store } = events.lake
  const orphan = 'bronze/shop/t/part-orphan.parquet'
  await store.put(orphan, Buffer.from('x'))
  const old = new Date(Date.now() - 3 * 86_400_000)
  await utimes(join(events.folder, 'lake', orphan), old, old)
  const fetch = store.fetch.bind(store)
  let refused = 0
  store.fetch = (path, size) => {
    if (!path.startsWith('bronze/shop/t/')) return fetch(path, size)
    refused++
    return Promise.reject(new Error('no'))
  }
  const maintenance = new Maintenance(options())
  for (let i = 0; i < 200 && (await store.head(orphan)); i++) await sleep(20)
  await maintenance.stop()
  expect(refused).toBeGreaterThan(0)
  expect(await store.head(orphan)).toBeUndefined()
  expect(await files()).toBe(6)
})
