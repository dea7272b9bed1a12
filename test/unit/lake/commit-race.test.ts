import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { commit } from '../../../lake/commit.ts'
import { loadSnapshot } from '../../../lake/log.ts'
import { raceAppends, raceForProgress } from './race.ts'
import { raceMixed } from './race-mixed.ts'
import { someAdd, tempTable } from './temp-table.ts'

test('several processes append to one table: every commit lands once', async () => {
  await using table = await tempTable()
  await raceAppends({ url: pathToFileURL(table.dir).href, table, writers: 4, commits: 25 })
}, 120_000)

test('several processes claim the same progress: no step lands twice', async () => {
  await using table = await tempTable()
  await raceForProgress({ url: pathToFileURL(table.dir).href, table, writers: 4, commits: 15 })
}, 120_000)

test('eight writers of all kinds race for a thousand commits: one winner a version, no row lost or doubled, no update lost', async () => {
  await using table = await tempTable()
  const { replanned } = await raceMixed({ url: pathToFileURL(table.dir).href, table, commits: 1000 })
  // Else it was no race.
  expect(replanned).toBeGreaterThan(0)
}, 180_000)

test('a writer killed at any moment leaves a table that reads and takes the next commit', async () => {
  await using table = await tempTable()
  const worker = join(import.meta.dirname, 'race-worker.ts')
  let version = -1
  for (let round = 0; round < 6; round++) {
    const writer = spawn(process.execPath, [worker, pathToFileURL(table.dir).href, table.path, 'doomed', '100000', 'own'], {
      stdio: 'ignore',
      env: { ...process.env, TMPDIR: table.dir },
    })
    const before = version
    while (version < before + 3) {
      await sleep(5)
      version = (await loadSnapshot(table))?.version ?? -1
    }
    writer.kill('SIGKILL')
    await once(writer, 'exit')
    const base = (await loadSnapshot(table))!
    const next = await commit(table, { base, mode: 'append', operation: 'WRITE', adds: [someAdd(`after-${round}`)] })
    version = next.version
    expect(next.files.size).toBe(version + 1)
    expect(next.txns.get('doomed')).toBe(BigInt(version - round))
  }
}, 120_000)
