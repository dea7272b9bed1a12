import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeOwnFolder, removeOwnFolder } from '../../../connectors/own-folder.ts'

let parent: string
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'binlake-own-'))
})
afterEach(() => rm(parent, { recursive: true, force: true }))

const root = join(import.meta.dirname, '../../..')

/** A process that runs `program` and then waits to be ended. */
async function running(program: string): Promise<ChildProcess> {
  const text = `${program}\nprocess.stdout.write('ready'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], {
    cwd: root,
    env: { ...process.env, TMPDIR: parent },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout!, 'data')
  return child
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const gone = once(child, 'exit')
  child.kill(signal)
  await gone
}

const maker = (kind: string) => `
  import { makeOwnFolder } from './connectors/own-folder.ts'
  import { writeFileSync } from 'node:fs'
  writeFileSync(await makeOwnFolder(${JSON.stringify(parent)}, '${kind}') + '/spill', 'x')`

test('what a killed process left goes at the next start; what living ones hold stays', async () => {
  const [killed, living] = await Promise.all([running(maker('kind')), running(maker('kind'))])
  await end(killed, 'SIGKILL')
  expect(await readdir(parent)).toHaveLength(2)
  const own = await makeOwnFolder(parent, 'kind')
  const left = await readdir(parent)
  expect(left).toHaveLength(2)
  expect(left.some(name => name.includes(`-${living.pid}-`))).toBe(true)
  expect(left.some(name => name.includes(`-${killed.pid}-`))).toBe(false)
  await removeOwnFolder(own)
  await end(living, 'SIGKILL')
})

test('many processes that start and are killed at once leave the folders of the living', async () => {
  const killed = await Promise.all([1, 2, 3].map(() => running(maker('kind'))))
  await Promise.all(killed.map(child => end(child, 'SIGKILL')))
  const living = await Promise.all([1, 2, 3, 4].map(() => running(maker('kind'))))
  expect((await readdir(parent)).map(name => Number(name.split('-').at(-3))).sort()).toEqual(living.map(({ pid }) => pid).sort())
  await Promise.all(living.map(child => end(child, 'SIGKILL')))
})

test('a process that ends by itself takes its folders along', async () => {
  const child = await running(`${maker('kind')}\nprocess.on('SIGTERM', () => process.exit(0))`)
  await end(child, 'SIGTERM')
  expect(await readdir(parent)).toEqual([])
})

test('a number that was given to a new process does not save the folder of the old one', async () => {
  const own = await makeOwnFolder(parent, 'mark')
  const [, place] = /mark-([0-9a-f]{8})-/.exec(own)!
  const reused = join(parent, `kind-${place}-${process.pid}-1-abcdef`)
  await mkdir(reused)
  await removeOwnFolder(await makeOwnFolder(parent, 'kind'))
  expect(await readdir(parent)).not.toContain(`kind-${place}-${process.pid}-1-abcdef`)
  await removeOwnFolder(own)
})

test("another machine's or container's folder goes only after a day without a sign of life; other names never", async () => {
  const yesterday = new Date(Date.now() - 25 * 3_600_000)
  for (const name of ['kind-00000000-1-1-silent', 'kind-00000000-1-1-young1', 'kind-mine', 'kindred-00000000-1-1-silent']) {
    await mkdir(join(parent, name))
    if (!name.includes('young')) await utimes(join(parent, name), yesterday, yesterday)
  }
  await removeOwnFolder(await makeOwnFolder(parent, 'kind'))
  expect((await readdir(parent)).sort()).toEqual(['kind-00000000-1-1-young1', 'kind-mine', 'kindred-00000000-1-1-silent'])
})

test('a lake and DuckDB leave nothing of a killed process behind', async () => {
  const program = `
    import { openStore } from './connectors/open-store.ts'
    import { Duck } from './lake/duckdb.ts'
    import { writeFileSync } from 'node:fs'
    const store = await openStore(${JSON.stringify(pathToFileURL(join(parent, 'lake')).href)}, { cacheDir: ${JSON.stringify(parent)} })
    writeFileSync(store.scratch + '/write-half.parquet', 'x')
    await Duck.open()`
  const kept = async () => [
    ...(await readdir(join(parent, 'lake/.scratch'))),
    ...(await readdir(parent)).filter(name => name.startsWith('binlake-duckdb-')),
  ]
  const killed = await running(program)
  expect(await kept()).toHaveLength(2)
  await end(killed, 'SIGKILL')
  const next = await running(program)
  const left = await kept()
  expect(left).toHaveLength(2)
  expect(left.filter(name => name.includes(`-${next.pid}-`))).toHaveLength(2)
  await end(next, 'SIGKILL')
})
