import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { identityOf, isRunning, launch, logTail, type ProcessRef, parseIdentity, stop } from '../../../../infra/local/process.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'binlake-process-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

function node(script: string, name: string): Promise<ProcessRef> {
  return launch(process.execPath, ['-e', script], { cwd: folder, logFile: join(folder, `${name}.log`) })
}

async function logSays(name: string, text: string): Promise<void> {
  while (!(await readFile(join(folder, `${name}.log`), 'utf8').catch(() => '')).includes(text)) await delay(20)
}

test('the identity is the start time, whatever the name of the process holds', () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(), fc.constantFrom('R', 'S', 'D'), (name, ticks, state) => {
      const before = Array.from({ length: 18 }, (_, i) => String(i)).join(' ')
      expect(parseIdentity(`42 (${name}) ${state} ${before} ${ticks} 99 100`, 'boot\n')).toBe(`boot:${ticks}`)
    }),
  )
})

test('a zombie has no identity', () => {
  const rest = Array.from({ length: 25 }, (_, i) => String(i)).join(' ')
  expect(parseIdentity(`42 (java) Z ${rest}`, 'boot')).toBeUndefined()
})

test('this process has an identity that stays, and pid 0 has none', () => {
  expect(identityOf(process.pid)).toMatch(/^[0-9a-f-]+:\d+$/)
  expect(identityOf(process.pid)).toBe(identityOf(process.pid))
  expect(identityOf(0)).toBeUndefined()
})

test('stops by SIGTERM, so that the process can save its work', async () => {
  const ref = await node(
    `process.on('SIGTERM', () => { console.log('saved'); process.exit() }); setInterval(() => {}, 1e6); console.log('up')`,
    'polite',
  )
  await logSays('polite', 'up')
  expect(isRunning(ref)).toBe(true)
  expect(await stop(ref, 5000)).toBe('stopped')
  expect(isRunning(ref)).toBe(false)
  expect(await logTail(join(folder, 'polite.log'))).toBe('up\nsaved')
})

test('kills what does not listen to SIGTERM', async () => {
  const ref = await node(`process.on('SIGTERM', () => {}); setInterval(() => {}, 1e6); console.log('up')`, 'deaf')
  await logSays('deaf', 'up')
  expect(await stop(ref, 200)).toBe('killed')
  expect(identityOf(ref.pid)).toBeUndefined()
})

test('never stops a stranger that has the pid now', async () => {
  const stranger = await node(`setInterval(() => {}, 1e6)`, 'stranger')
  const recycled = { pid: stranger.pid, identity: `${stranger.identity}0` }
  expect(isRunning(recycled)).toBe(false)
  expect(await stop(recycled, 1000)).toBe('absent')
  expect(isRunning(stranger)).toBe(true)
  await stop(stranger, 5000)
})

test('a program that does not exist is an error at once', async () => {
  await expect(launch('/no/such/program', [], { cwd: folder, logFile: join(folder, 'none.log') })).rejects.toThrow('ENOENT')
})

test('the log of the run before is kept beside the new one', async () => {
  for (const word of ['first', 'second']) {
    await node(`console.log('${word}')`, 'twice')
    await logSays('twice', word)
  }
  expect(await readFile(join(folder, 'twice.log.previous'), 'utf8')).toBe('first\n')
})

test('the tail of a log is its last lines', async () => {
  await node(`for (let i = 1; i <= 5000; i++) console.log('line ' + i)`, 'long')
  await logSays('long', 'line 5000')
  expect(await logTail(join(folder, 'long.log'), 2)).toBe('line 4999\nline 5000')
  expect(await logTail(join(folder, 'absent.log'))).toBe('(no log)')
})
