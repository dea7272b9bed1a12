import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { makeOwnFolder, removeOwnFolder } from '../../connectors/own-folder.ts'

test('temporary files of tests lie in a folder of the run', async () => {
  expect(tmpdir()).toMatch(/binlake-tests-[^/]+$/)
  const folder = await makeOwnFolder(tmpdir(), 'binlake-duckdb')
  expect(dirname(folder)).toBe(tmpdir())
  await removeOwnFolder(folder)
})
