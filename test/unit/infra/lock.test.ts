import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { tryLock, withLock } from '../../../infra/lock.ts'

test('one holder at a time, and everybody gets their turn', async () => {
  const name = randomUUID()
  let inside = 0
  let most = 0
  const order: number[] = []
  const work = (i: number) =>
    withLock(name, async () => {
      most = Math.max(most, ++inside)
      await delay(5)
      order.push(i)
      inside--
    })
  await Promise.all(Array.from({ length: 12 }, (_, i) => work(i)))
  expect(most).toBe(1)
  expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => i))
})

test('waiting is announced once, and a failure frees the lock', async () => {
  const name = randomUUID()
  const lock = await tryLock(name)
  let waits = 0
  const second = withLock(name, async () => Promise.reject(new Error('work failed')), { onWait: () => waits++ })
  await delay(30)
  expect(waits).toBe(1)
  await lock!.release()
  await expect(second).rejects.toThrow('work failed')
  const third = await tryLock(name)
  expect(third).toBeDefined()
  await third!.release()
})

test('waiting can be called off', async () => {
  const name = randomUUID()
  const lock = await tryLock(name)
  const abort = new AbortController()
  const second = withLock(name, async () => 'never', { signal: abort.signal })
  await delay(20)
  abort.abort(new Error('called off'))
  await expect(second).rejects.toThrow('called off')
  await lock!.release()
})

test('a holder that is killed leaves nothing behind', async () => {
  const name = randomUUID()
  const file = join(import.meta.dirname, '../../../infra/lock.ts')
  const script = `const { tryLock } = await import(${JSON.stringify(file)}); await tryLock(${JSON.stringify(name)}); console.log('held'); setInterval(() => {}, 1e6)`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(holder.stdout, 'data')
  expect(await tryLock(name)).toBeUndefined()
  const waiting = withLock(name, async () => 'got it')
  holder.kill('SIGKILL')
  expect(await waiting).toBe('got it')
})
