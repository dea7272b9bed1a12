import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { StackEvent } from '../../../infra/report.ts'
import { down, readStack, up } from '../../../infra/stack.ts'
import { loadStack, type Stack, saveStack, stackFile } from '../../../infra/state.ts'

const stack: Stack = {
  kind: 'local',
  why: 'asked for',
  env: { BINLAKE_GROUP: 'binlake' },
  services: [{ name: 'kafka', pid: 4_194_303, identity: 'boot:1', port: 9092 }],
  ports: { kafka: 9092 },
  secrets: { binlake: 'secret' },
}

let dir = ''
let events: StackEvent[] = []
const report = (event: StackEvent) => events.push(event)
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'binlake-state-'))
  events = []
})
afterEach(() => rm(dir, { recursive: true, force: true }))

test('is saved for its owner only, and read back the same', async () => {
  saveStack(dir, stack)
  expect((await stat(stackFile(dir))).mode & 0o777).toBe(0o600)
  expect(await loadStack(dir)).toEqual(stack)
  expect(await readdir(dir)).toEqual(['stack.json'])
})

test('no file is no stack, a damaged one is an error that says what to do', async () => {
  expect(await loadStack(dir)).toBeUndefined()
  await writeFile(stackFile(dir), '{"kind":')
  await expect(loadStack(dir)).rejects.toMatchObject({
    code: 'STACK_STATE_UNREADABLE',
    message: expect.stringContaining('delete it'),
  })
})

test('a stack whose processes are gone says so', async () => {
  saveStack(dir, stack)
  expect(await readStack(dir)).toMatchObject({ alive: false, services: [{ name: 'kafka', alive: false }] })
})

test('another kind in the same folder is refused', async () => {
  saveStack(dir, stack)
  await expect(up({ kind: 'embedded', dir, report })).rejects.toMatchObject({ code: 'STACK_KIND_CHANGED', retryable: false })
})

test('the embedded stack needs no process, comes up twice and goes with its data', async () => {
  const first = await up({ kind: 'embedded', dir, report })
  expect(first.env).toMatchObject({
    BINLAKE_KAFKA_BROKERS: `embedded:${dir}/embedded`,
    BINLAKE_MYSQL_URL: `embedded:${dir}/embedded`,
    BINLAKE_LAKE_URL: `file://${dir}/lake`,
    BINLAKE_TOPIC_PREFIX: 'shop',
    BINLAKE_GROUP: 'binlake',
  })
  expect(first.env.BINLAKE_POLICY).toMatch(/^\/.*\/shop\/policy\.yaml$/)
  expect(await readStack(dir)).toMatchObject({ kind: 'embedded', alive: true, services: [] })
  await writeFile(join(dir, 'lake', 'table'), 'rows')
  expect(await up({ dir, report })).toEqual(first)
  expect(events.at(-1)).toMatchObject({ step: 'stack', state: 'skipped' })
  await down({ dir, report })
  expect((await readdir(dir)).toSorted()).toEqual(['embedded', 'lake', 'stack.json'])
  await down({ dir, purge: true, report })
  expect(await readdir(dir)).toEqual([])
})

test('down without a stack says so', async () => {
  await down({ dir, report })
  expect(events).toEqual([{ step: 'stack', state: 'skipped', detail: `there is none in ${dir}` }])
})
