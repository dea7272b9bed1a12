// The last scenario, on real servers of its own: `npm run chaos` is the same for longer.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { chaos } from './chaos.ts'

const folders: string[] = []
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
})

test('scenario 57: random DML and DDL, random kills and rewinds: silver equals MySQL, and a replay of bronze equals silver', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'binlake-chaos-'))
  folders.push(folder)
  const { wrong, written, troubles } = await chaos({ folder, seconds: 60, seed: 20261121 })
  expect(wrong).toEqual([])
  expect(written.reduce((sum, { statements }) => sum + statements, 0)).toBeGreaterThan(500)
  expect(Object.values(troubles).reduce((sum, times) => sum + times, 0)).toBeGreaterThan(3)
}, 900_000)
