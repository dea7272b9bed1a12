// One temporary folder for all unit tests and the processes that they start: what a failed or killed one leaves there goes with it.
import { statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { makeOwnFolder, removeOwnFolder } from '../../connectors/own-folder.ts'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await makeOwnFolder(await quickest(), 'binlake-tests')
  // Processes that tests start strip types once for all of them, and for the next run.
  const compiled = join(tmpdir(), 'node-compile-cache')
  project.config.env = { ...project.config.env, TMPDIR: folder, NODE_COMPILE_CACHE: compiled }
  return () => removeOwnFolder(folder)
}

/** In memory where there is room: a lake syncs each of its files, and a quarter of a test's time was waiting for that. */
async function quickest(): Promise<string> {
  const memory = await statfs('/dev/shm').catch(() => undefined)
  return memory && memory.bavail * memory.bsize >= 2 * 2 ** 30 ? '/dev/shm' : tmpdir()
}
