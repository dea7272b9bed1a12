// Races of writer processes over one table, the same on every store.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { commit } from '../../../lake/commit.ts'
import { loadSnapshot, readCommit } from '../../../lake/log.ts'
import type { Table } from '../../../lake/table.ts'
import { someFields } from './temp-table.ts'

export interface Race {
  url: string
  table: Table
  writers: number
  commits: number
  env?: Record<string, string>
}

/** Every writer has progress of its own: all commits land, each once, and the versions have no hole. */
export async function raceAppends(race: Race): Promise<void> {
  await run(race, 'own')
  const snapshot = (await loadSnapshot(race.table))!
  const total = race.writers * race.commits
  expect(snapshot.version).toBe(total - 1)
  expect(snapshot.files.size).toBe(total)
  expect(Object.fromEntries(snapshot.txns)).toEqual(Object.fromEntries(names(race).map(name => [name, BigInt(race.commits)])))
  for (let version = 0; version < total; version++)
    expect(await readCommit(race.table, version)).toMatchObject({ adds: [{}], txns: [{}] })
}

/** All writers claim the same progress: each step of it lands exactly once, whoever's it is. */
export async function raceForProgress(race: Race): Promise<void> {
  await commit(race.table, { base: undefined, mode: 'append', operation: 'CREATE TABLE', metaData: { fields: someFields } })
  const results = await run(race, 'shared')
  const snapshot = (await loadSnapshot(race.table))!
  const total = race.writers * race.commits
  expect(snapshot.txns.get('shared')).toBe(BigInt(total))
  const steps = [...snapshot.files.keys()].map(path => Number(path.split('-')[1])).sort((a, b) => a - b)
  expect(steps).toEqual(Array.from({ length: total }, (_, i) => i + 1))
  expect(results.reduce((sum, { fenced }) => sum + fenced, 0)).toBeGreaterThanOrEqual(race.writers - 1)
}

async function run(
  { url, table, writers, commits, env }: Race,
  mode: 'own' | 'shared',
): Promise<{ landed: number; fenced: number }[]> {
  const worker = join(import.meta.dirname, 'race-worker.ts')
  return startTogether(
    names({ writers }).map(name => [worker, url, table.path, name, String(commits), mode]),
    env,
  )
}

/** Runs programs that print `ready`, wait until their input ends, and print one JSON object last. They move only when all are ready. */
export async function startTogether<Result>(programs: string[][], env: Record<string, string> = {}): Promise<Result[]> {
  // None outlives the test, also if it is given up.
  const limits = { timeout: 290_000, killSignal: 'SIGKILL' } as const
  const started = programs.map(program =>
    promisify(execFile)(process.execPath, program, { ...limits, env: { ...process.env, ...env } }),
  )
  try {
    // One that fails before it is ready is reported when its end is awaited.
    await Promise.all(started.map(ended => Promise.race([once(ended.child.stdout!, 'data'), ended])))
    for (const { child } of started) child.stdin!.end()
    const ended = await Promise.all(started)
    return ended.map(({ stdout }) => JSON.parse(stdout.slice(stdout.indexOf('{'))) as Result)
  } finally {
    for (const { child } of started) child.kill('SIGKILL')
  }
}

function names({ writers }: { writers: number }): string[] {
  return Array.from({ length: writers }, (_, i) => `w${i}`)
}
