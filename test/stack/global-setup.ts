// One stack for all stack tests: theirs alone, in a folder of its own, gone afterwards, also when the run is interrupted. Containers
// where Docker has the images, else local processes; never the embedded one. BINLAKE_TEST_STACK names a stack that is up already.
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { chooseKind } from '../../infra/choose-kind.ts'
import { up } from '../../infra/stack.ts'
import { takeDown } from './take-down.ts'

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  // Servers that run for minutes gain nothing from the slow, thorough compiler, and lose their starts to it.
  process.env.JDK_JAVA_OPTIONS ??= '-XX:TieredStopAtLevel=1'
  if (process.env.BINLAKE_TEST_STACK) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'binlake-test-stack-'))
  const dir = join(folder, 'stack')
  // By Ctrl-C vitest ends at once, and this process with it; another one does the rest.
  const orphaned = () => {
    spawn(process.execPath, [join(import.meta.dirname, 'take-down.ts'), folder], { detached: true, stdio: 'ignore' }).unref()
  }
  process.once('exit', orphaned)
  const quiet = { dir, report: () => {} }
  const { kind } = await chooseKind(quiet)
  await up({ ...quiet, kind: kind === 'docker' ? 'docker' : 'local' })
  // What tests leave behind, servers of their own too, lies where the end of the run finds it.
  const own = join(folder, 'tests')
  await mkdir(own)
  project.config.env = { ...project.config.env, TMPDIR: own, BINLAKE_TEST_STACK: dir }
  return async () => {
    await takeDown(folder)
    process.off('exit', orphaned)
  }
}
