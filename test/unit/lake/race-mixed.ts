// Appenders, mergers and a compactor race over one table of real files, the same on every store.
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Add } from '../../../lake/actions.ts'
import { commit } from '../../../lake/commit.ts'
import { Duck } from '../../../lake/duckdb.ts'
import { each } from '../../../lake/each.ts'
import { loadSnapshot, readCommit } from '../../../lake/log.ts'
import { scan } from '../../../lake/scan.ts'
import { field } from '../../../lake/schema.ts'
import { sql } from '../../../lake/sql.ts'
import type { Table } from '../../../lake/table.ts'
import { writeFile } from '../../../lake/write.ts'
import { startTogether } from './race.ts'

export type Role = 'append' | 'merge' | 'compact'

/** Rows that all mergers count up: ids −1 to −counters, in two files at first. */
export const counters = 8
export const counterFields = [field('id', 'long'), field('n', 'long')]

/** The ids of an appender's nth commit. */
export function rowsOfAppend(name: string, step: number): number[] {
  const first = Number(name.slice(1)) * 1_000_000 + step * 3
  return [first, first + 1, first + 2]
}

/** Eight writers: four append, three merge, one compacts. */
export function crew(commits: number): { name: string; role: Role; count: number }[] {
  const share = Math.floor(commits / 10)
  const merging = [1, 2, 3].map(i => ({ name: `m${i}`, role: 'merge' as const, count: share }))
  const rest = commits - 3 * share - share
  const appending = [1, 2, 3, 4].map(i => ({
    name: `a${i}`,
    role: 'append' as const,
    count: Math.floor(rest / 4) + (i <= rest % 4 ? 1 : 0),
  }))
  return [...appending, ...merging, { name: 'c1', role: 'compact', count: share }]
}

export interface MixedRace {
  url: string
  table: Table
  /** Of all writers together. */
  commits: number
  env?: Record<string, string>
}

/** Every version has one winner, none is missing, and the rows read back are exactly those that the winners wrote. */
export async function raceMixed({ url, table, commits, env }: MixedRace): Promise<{ replanned: number }> {
  await using duck = await Duck.open()
  await makeTable(duck, table)
  const writers = crew(commits)
  const worker = join(import.meta.dirname, 'race-mixed-worker.ts')
  const results = await startTogether<{ won: number[]; replanned: number }>(
    writers.map(({ name, count, role }) => [worker, url, table.path, name, String(count), role]),
    env,
  )

  const versions = Array.from({ length: commits }, (_, i) => i + 1)
  expect(results.flatMap(({ won }) => won).sort((a, b) => a - b)).toEqual(versions)
  const winners = new Map(results.flatMap(({ won }, i) => won.map(version => [version, writers[i]!.name])))
  const log = await each(versions, 16, version => readCommit(table, version))
  expect(log.map(entry => entry?.commitInfo?.userMetadata)).toEqual(versions.map(version => winners.get(version)))
  expect(new Set(log.map(entry => entry?.commitInfo?.txnId)).size).toBe(commits)

  const snapshot = (await loadSnapshot(table))!
  expect(snapshot.version).toBe(commits)
  const moving = writers.filter(({ role }) => role !== 'compact')
  expect(new Map(snapshot.txns)).toEqual(new Map(moving.map(({ name, count }) => [name, BigInt(count)])))

  const rows = await scan(table, snapshot)
  const ids = await duck.rows<{ id: bigint; copies: bigint }>(
    sql`SELECT id, count(*) AS copies FROM ${rows} WHERE id >= 0 GROUP BY id ORDER BY id`,
  )
  const appended = writers
    .filter(({ role }) => role === 'append')
    .flatMap(({ name, count }) => Array.from({ length: count }, (_, i) => rowsOfAppend(name, i + 1)).flat())
  expect(ids).toEqual(appended.sort((a, b) => a - b).map(id => ({ id: BigInt(id), copies: 1n })))
  const merged = writers.filter(({ role }) => role === 'merge').reduce((sum, { count }) => sum + count, 0)
  expect(await duck.row(sql`SELECT count(*) AS keys, sum(n)::BIGINT AS total FROM ${rows} WHERE id < 0`)).toEqual({
    keys: BigInt(counters),
    total: BigInt(merged),
  })
  return { replanned: results.reduce((sum, { replanned }) => sum + replanned, 0) }
}

async function makeTable(duck: Duck, table: Table): Promise<void> {
  const half = counters / 2
  const adds: Add[] = []
  for (const from of [0, half]) {
    const select = sql`SELECT -1 - i AS id, 0 AS n FROM range(${from}, ${from + half}) t(i)`
    adds.push((await writeFile(duck, table, { select, fields: counterFields, stats: ['id'] }))!)
  }
  await commit(table, {
    base: undefined,
    mode: 'append',
    operation: 'CREATE TABLE',
    metaData: { fields: counterFields },
    adds,
  })
}
