// One stack for all stack tests: theirs alone, in a folder of its own, gone afterwards. Containers where Docker has the images,
// else local processes; never the embedded one. BINLAKE_TEST_STACK names a stack that is up already.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chooseKind } from '../../infra/choose-kind.ts'
import { down, up } from '../../infra/stack.ts'

export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.BINLAKE_TEST_STACK) return undefined
  const dir = await mkdtemp(join(tmpdir(), 'binlake-test-stack-'))
  const quiet = { dir, report: () => {} }
  const { kind } = await chooseKind(quiet)
  await up({ ...quiet, kind: kind === 'docker' ? 'docker' : 'local' })
  process.env.BINLAKE_TEST_STACK = dir
  return async () => {
    await down({ ...quiet, purge: true })
    await rm(dir, { recursive: true, force: true })
  }
}
