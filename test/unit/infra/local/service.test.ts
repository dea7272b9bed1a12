// A server counts as up when it answers itself: whoever else answers on its port is a stranger.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isRunning, launch, type ProcessRef, stop } from '../../../../infra/local/process.ts'
import { ensureServer, type ServerDefinition } from '../../../../infra/local/service.ts'
import type { Service } from '../../../../infra/state.ts'

let folder: string
const started: ProcessRef[] = []
const strangers: Server[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'binlake-service-'))
})
afterEach(async () => {
  for (const ref of started.splice(0)) await stop(ref, 5_000)
  for (const stranger of strangers.splice(0)) stranger.close()
  await rm(folder, { recursive: true, force: true })
})

const answering = "require('node:http').createServer((_, answer) => answer.end()).listen(PORT, '127.0.0.1')"

function definition(port: number, program = answering): ServerDefinition {
  const url = `http://127.0.0.1:${port}`
  return {
    name: 'connect',
    url,
    port,
    logFile: join(folder, 'connect.log'),
    cwd: folder,
    command: process.execPath,
    args: ['-e', program.replaceAll('PORT', String(port))],
    ready: () =>
      fetch(url, { signal: AbortSignal.timeout(1_000) }).then(
        answer => answer.ok,
        () => false,
      ),
    readyWithinMs: 20_000,
  }
}

function ensure(server: ServerDefinition, saved?: Service): Promise<Service> {
  return ensureServer(server, saved, { report: () => {}, started: service => started.push(service as ProcessRef) })
}

/** A server of this very process. */
async function stranger(port = 0): Promise<number> {
  const server = createServer((_, answer) => answer.end()).listen(port, '127.0.0.1')
  strangers.push(server)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function freePort(): Promise<number> {
  const port = await stranger()
  await new Promise(done => strangers.pop()!.close(done))
  return port
}

test('a server that answers itself is up, and is found up the next time', async () => {
  const server = definition(await freePort())
  const service = await ensure(server)
  expect(isRunning(service)).toBe(true)
  expect(await ensure(server, service)).toBe(service)
})

test('a server that one of its children speaks for is up', async () => {
  const child = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(answering)}], { stdio: 'inherit' })
    .on('exit', code => process.exit(code)); process.on('SIGTERM', () => process.kill(0, 'SIGKILL'))`
  const service = await ensure(definition(await freePort(), child))
  expect(isRunning(service)).toBe(true)
})

test('whoever else answers on the port is named, not taken for the server', async () => {
  const port = await stranger()
  // As Connect does: it tries its port only after a while.
  const server = definition(port, `setTimeout(() => { ${answering} }, 60_000)`)
  const failed = await ensure(server).then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(failed).toMatchObject({ code: 'STACK_PORT_TAKEN', retryable: true })
  expect((failed as Error).message).toContain(`${port}`)
  expect((failed as Error).message).toContain(`process ${process.pid} `)
  // Else the next `up` would wait for it, and not look for another port.
  expect(started.map(isRunning)).toEqual([false])
})

test('whoever only tries whether the port is free is not taken for its holder', async () => {
  const port = await stranger()
  setTimeout(() => strangers.pop()!.close(), 500)
  const service = await ensure(definition(port, `setTimeout(() => { ${answering} }, 1_000)`))
  expect(isRunning(service)).toBe(true)
})

test('a server that runs but lost its port to another is not «already running»', async () => {
  const port = await stranger()
  const silent = await launch(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
    cwd: folder,
    logFile: join(folder, 'silent.log'),
  })
  started.push(silent)
  const saved = { name: 'connect', ...silent, port }
  await expect(ensure(definition(port), saved)).rejects.toMatchObject({ code: 'STACK_PORT_TAKEN' })
})

test('a stranger of another process is named by its number', async () => {
  const port = await freePort()
  const other = spawn(
    process.execPath,
    ['-e', `${answering.replaceAll('PORT', String(port))}.on('listening', () => console.log())`],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  await once(other.stdout, 'data')
  try {
    await expect(ensure(definition(port))).rejects.toThrow(`process ${other.pid} (`)
  } finally {
    other.kill('SIGKILL')
  }
})
