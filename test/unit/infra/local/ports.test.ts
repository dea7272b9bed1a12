import { createServer, type Server } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { candidates, claimPort, isFree, reclaimPort } from '../../../../infra/local/ports.ts'
import { multiplied } from '../../multiplied.ts'

async function listenAnywhere(): Promise<{ port: number; server: Server }> {
  const server = createServer()
  await new Promise<void>(done => server.listen({ port: 0, host: '127.0.0.1' }, done))
  return { port: (server.address() as { port: number }).port, server }
}

test('wanted ports come first, then each port below the outgoing range once', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 65_535 }), { maxLength: 3 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (wanted, random) => {
        const all = [...candidates(wanted, () => random)]
        const rest = all.slice(wanted.length)
        expect(all.slice(0, wanted.length)).toEqual(wanted)
        expect(new Set(rest).size).toBe(12_000)
        expect(Math.min(...rest)).toBe(20_000)
        expect(Math.max(...rest)).toBe(31_999)
      },
    ),
    { numRuns: multiplied(20) },
  )
})

test('a taken port is moved', async () => {
  const { port, server } = await listenAnywhere()
  expect(await isFree(port)).toBe(false)
  const claim = await claimPort([port])
  expect(claim.port).toBeGreaterThanOrEqual(20_000)
  expect(claim.port).not.toBe(port)
  await claim.lock.release()
  server.close()
})

test('two claims at once never get the same port, and a released one can be had again', async () => {
  const { port, server } = await listenAnywhere()
  await new Promise(done => server.close(done))
  const claims = await Promise.all(Array.from({ length: 10 }, () => claimPort([port])))
  expect(new Set(claims.map(claim => claim.port)).size).toBe(10)
  expect(claims.filter(claim => claim.port === port)).toHaveLength(1)
  await Promise.all(claims.map(claim => claim.lock.release()))
  const again = await claimPort([port])
  expect(again.port).toBe(port)
  await again.lock.release()
})

test('a server gets its old port back once that is free, and another one if it stays taken', async () => {
  const { port, server } = await listenAnywhere()
  expect(await reclaimPort(port, 100)).toBeUndefined()
  setTimeout(() => server.close(), 100)
  const claim = await reclaimPort(port, 5000)
  expect(claim?.port).toBe(port)
  await claim?.lock.release()
})
