// One temporary folder for all unit tests and the processes that they start: what a failed or killed one leaves there goes with it.
import { tmpdir } from 'node:os'
import type { TestProject } from 'vitest/node'
import { makeOwnFolder, removeOwnFolder } from '../../connectors/own-folder.ts'

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await makeOwnFolder(tmpdir(), 'binlake-tests')
  project.config.env = { ...project.config.env, TMPDIR: folder }
  return () => removeOwnFolder(folder)
}
