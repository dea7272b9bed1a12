// An Azurite of this test's own, on a free port, in a folder that goes with it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Azurite {
  connectionString: string
  port: number
  stop(): Promise<void>
}

/** The key that every Azurite has; it is public. */
const key = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='

export async function startAzurite(): Promise<Azurite> {
  const dir = await mkdtemp(join(tmpdir(), 'binlake-azurite-'))
  const port = await freePort()
  const program = join(import.meta.dirname, '../../../node_modules/.bin/azurite-blob')
  const args = [program, '-s', '--disableTelemetry', '--skipApiVersionCheck', '-l', dir, '--blobPort', String(port)]
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const exited = once(server, 'exit')
  const url = `http://127.0.0.1:${port}/devstoreaccount1`
  for (let tries = 0; !(await answers(url)); tries++) {
    if (server.exitCode !== null || tries > 300)
      throw new Error(`Azurite did not start on port ${port} (exit code ${server.exitCode})`)
    await sleep(100)
  }
  return {
    connectionString: `DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=${key};BlobEndpoint=${url};`,
    port,
    async stop() {
      server.kill('SIGTERM')
      await exited
      await rm(dir, { recursive: true, force: true })
    },
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  )
}
