// Keeps two `up` from doing the same thing at once: a named lock that the kernel frees when its holder dies.
// Guarantee: at most one holder on this machine; no lock file to go stale.
import { createHash } from 'node:crypto'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Lock {
  release(): Promise<void>
}

/** Takes the lock if it is free. */
export async function tryLock(name: string): Promise<Lock | undefined> {
  const server = createServer()
  server.unref()
  try {
    await listen(server, address(name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined
    throw error
  }
  const waiting = new Set<import('node:net').Socket>()
  server.on('connection', socket => {
    waiting.add(socket)
    socket.on('error', () => {}).on('close', () => waiting.delete(socket))
  })
  return {
    release: () =>
      new Promise(done => {
        server.close(() => done())
        for (const socket of waiting) socket.destroy()
      }),
  }
}

/** Runs `work` while holding the lock, waiting for whoever has it. `onWait` is called once if there is a wait. */
export async function withLock<T>(
  name: string,
  work: () => Promise<T>,
  options: { onWait?: () => void; signal?: AbortSignal } = {},
): Promise<T> {
  let lock = await tryLock(name)
  if (!lock) options.onWait?.()
  while (!lock) {
    options.signal?.throwIfAborted()
    await holderGone(name, options.signal)
    lock = await tryLock(name)
  }
  try {
    return await work()
  } finally {
    await lock.release()
  }
}

/** The holder closes the connection by releasing the lock or by dying. */
function holderGone(name: string, signal?: AbortSignal): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect(address(name))
    const abort = () => socket.destroy(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    socket.on('close', () => {
      signal?.removeEventListener('abort', abort)
      if (signal?.aborted) fail(signal.reason)
      else done()
    })
    socket.on('error', () => {})
    socket.resume()
  })
}

/** Linux knows socket names that live in no file system. Elsewhere a file stands for the name. */
function address(name: string): string {
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 24)
  return process.platform === 'linux' ? `\0binlake-${hash}` : join(tmpdir(), `binlake-${hash}.lock`)
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((done, fail) => server.once('error', fail).listen(path, done))
}
