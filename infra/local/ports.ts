// Ports of the local servers: the usual one if it is free, else a free one that is then kept.
// Guarantee: two `up` at the same moment never choose the same port.
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type Lock, tryLock } from '../lock.ts'

/** Below the range that Linux gives to outgoing connections (32768 and up), so that a stopped server finds its port again. */
const moved = { from: 20_000, to: 32_000 }

export interface PortClaim {
  port: number
  /** To be released once the server listens, or has failed. */
  lock: Lock
}

/** The first of `wanted` that is free, else a free one of 20000–31999. */
export async function claimPort(wanted: readonly number[]): Promise<PortClaim> {
  for (const port of candidates(wanted, Math.random)) {
    const claim = await tryClaim(port)
    if (claim) return claim
  }
  throw new Error(`no free port in ${moved.from}-${moved.to}`)
}

/** The port a server had before, if it becomes free within `withinMs`: a server that was killed may still be giving it back. */
export async function reclaimPort(port: number, withinMs: number): Promise<PortClaim | undefined> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const claim = await tryClaim(port)
    if (claim || performance.now() > deadline) return claim
    await delay(50)
  }
}

async function tryClaim(port: number): Promise<PortClaim | undefined> {
  const lock = await tryLock(`port ${port}`)
  if (!lock) return undefined
  if (await isFree(port)) return { port, lock }
  await lock.release()
  return undefined
}

/** Wanted ports first, then every port of the moved range from a random start. */
export function* candidates(wanted: readonly number[], random: () => number): Generator<number> {
  yield* wanted
  const size = moved.to - moved.from
  const start = Math.floor(random() * size)
  for (let i = 0; i < size; i++) yield moved.from + ((start + i) % size)
}

/** Whether a server could listen on 127.0.0.1:port now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise(done => {
    const server = createServer()
    server.once('error', () => done(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => done(true)))
  })
}
