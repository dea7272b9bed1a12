// One Python process that holds the other engines open for a whole test run; Spark starts in it with the first request for it.
// Guarantee: it ends when this process does, however that ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { deltaJars, enginesPython } from './environment.ts'

export interface EngineServer extends AsyncDisposable {
  /** The socket that `Engines.connect` takes. */
  address: string
  stop(): Promise<void>
}

export async function startEngineServer(): Promise<EngineServer> {
  const [python, jars] = await Promise.all([enginesPython(), deltaJars()])
  const dir = await mkdtemp(join(tmpdir(), 'binlake-engines-'))
  const address = join(dir, 'socket')
  const log = openSync(join(dir, 'log'), 'w')
  // Its standard input stays open as long as we live: at its end the server ends.
  const child = spawn(python, [join(import.meta.dirname, 'server.py'), address, jars, dir], {
    cwd: dir,
    stdio: ['pipe', 'pipe', log],
    env: { ...process.env, PYTHONUNBUFFERED: '1', SPARK_LOCAL_IP: '127.0.0.1' },
  })
  closeSync(log)
  const ended = once(child, 'exit')
  const ready = once(createInterface({ input: child.stdout! }), 'line')
  await Promise.race([
    ready,
    ended.then(async () => {
      throw new Error(`the engines did not start: ${(await readFile(join(dir, 'log'), 'utf8')).slice(-2_000)}`)
    }),
  ])
  const stop = async () => {
    child.stdin!.end()
    await ended
    await rm(dir, { recursive: true, force: true })
  }
  return { address, stop, [Symbol.asyncDispose]: stop }
}
