// What a lake is at one moment of a soak: files, log, and how long it takes to open each table anew.

import type { ObjectStore } from '../../connectors/object-store.ts'
import { tablePaths } from '../../lake/layout.ts'
import { loadSnapshot } from '../../lake/log.ts'

export interface TableSample {
  /** Live. */
  files: number
  rows: number
  bytes: number
  /** Data files in the store, live or not. */
  stored: { files: number; bytes: number }
  log: { objects: number; bytes: number }
  /** Milliseconds to open the table without knowing anything of it; the best of three. */
  openMs: number
}

export interface Sample {
  commits: number
  /** Simulated, since the beginning. */
  hours: number
  /** Resident memory of this process, bytes. */
  memory: number
  tables: Record<string, TableSample>
}

export async function sample(store: ObjectStore, at: { commits: number; hours: number }): Promise<Sample> {
  const tables: Record<string, TableSample> = {}
  for (const path of (await Promise.all([tablePaths(store, 'bronze'), tablePaths(store, 'silver')])).flat())
    tables[path] = await sampleTable(store, path)
  return { ...at, memory: process.memoryUsage.rss(), tables }
}

async function sampleTable(store: ObjectStore, path: string): Promise<TableSample> {
  const stored = { files: 0, bytes: 0 }
  const log = { objects: 0, bytes: 0 }
  for await (const { path: object, size } of store.list(`${path}/`)) {
    if (object.includes('/_delta_log/')) {
      log.objects++
      log.bytes += size
    } else {
      stored.files++
      stored.bytes += size
    }
  }
  const times: number[] = []
  let [files, rows, bytes] = [0, 0, 0]
  for (let i = 0; i < 3; i++) {
    const began = performance.now()
    const snapshot = (await loadSnapshot({ store, path }))!
    times.push(performance.now() - began)
    const live = [...snapshot.files.values()]
    files = live.length
    bytes = live.reduce((sum, { size }) => sum + size, 0)
    rows = live.reduce((sum, { stats }) => sum + (JSON.parse(stats!) as { numRecords: number }).numRecords, 0)
  }
  return { files, rows, bytes, stored, log, openMs: Math.round(Math.min(...times) * 10) / 10 }
}
