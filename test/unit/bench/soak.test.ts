// The soak in small: ten days of a commit every half an hour. Sizes must follow the retention, not the age of the lake.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { plot } from '../../../bench/soak/plot.ts'
import type { Sample, TableSample } from '../../../bench/soak/sample.ts'
import { simulate } from '../../../bench/soak/simulate.ts'

const minute = 60_000
const commits = 480
let folder: string
let samples: Sample[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'binlake-soak-'))
  vi.useFakeTimers({ toFake: ['Date'] })
  samples = await simulate({
    folder,
    commits,
    rows: 10,
    keys: 300,
    every: { commit: 30 * minute, merge: 120 * minute, look: 120 * minute, sample: 24 * 60 * minute },
    maintenance: { compact: 240 * minute },
    begin: Date.parse('2026-01-05T00:00:00Z'),
    setTime: now => vi.setSystemTime(now),
  })
}, 300_000)
afterAll(async () => {
  vi.useRealTimers()
  await rm(folder, { recursive: true, force: true })
})

const day = (n: number, table: string): TableSample => samples.find(({ hours }) => hours === n * 24)!.tables[table]!

describe('ten days of commits', () => {
  it('lost nothing on the way', () => {
    expect(day(10, 'bronze/shop/orders').rows).toBe(commits * 10)
    expect(day(10, 'silver/shop/orders').rows).toBe(300)
    expect(samples).toHaveLength(10)
  })

  it('the log levels off: two days of commits, and as many as a checkpoint stands for', () => {
    const objects = (table: string) => [4, 7, 10].map(n => day(n, table).log.objects)
    const bronze = objects('bronze/shop/orders')
    expect(bronze[2]! / bronze[0]!).toBeLessThan(1.4)
    expect(Math.max(...bronze)).toBeLessThan(2 * 60 + 50 + 20)
    for (const table of ['silver/shop/orders', 'silver/shop/orders_history', 'silver/shop/orders_deleted'])
      expect(Math.max(...objects(table)), table).toBeLessThan(2 * 24 + 50 + 10)
  })

  it('bronze has a file a day gone by, and few of today', () => {
    expect(day(10, 'bronze/shop/orders').files - day(6, 'bronze/shop/orders').files).toBe(4)
    expect(day(10, 'bronze/shop/orders').files).toBeLessThan(10 + 48)
  })

  it('silver and its history stay in few files, and what they replaced goes', () => {
    for (const table of ['silver/shop/orders', 'silver/shop/orders_history', 'silver/shop/orders_deleted'])
      expect(day(10, table).files).toBeLessThan(20)
    const stored = [6, 10].map(n => day(n, 'silver/shop/orders').stored.files)
    expect(stored[1]! / stored[0]!).toBeLessThan(1.2)
  })

  it('draws a line for each table in each chart', () => {
    const svg = plot(samples)
    expect(svg.match(/<polyline/g)).toHaveLength(4 * 6)
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  })
})
