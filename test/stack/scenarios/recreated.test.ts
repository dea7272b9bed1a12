// Scenario 26 of cdc-spec §8 on a real broker: a topic is deleted and created again under a run, which reads the new one from its beginning.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { c, d, type Forged, u } from '../../unit/scenarios/forged-event.ts'
import { type ForgedLine, messageOf, openForgedLine } from './forged-line.ts'

let line: ForgedLine
beforeAll(async () => {
  line = await openForgedLine()
  await line.producer.send({ messages: [line.told] })
}, 240_000)
afterAll(() => line?.close())

async function send(...events: (Forged & { pos: number })[]): Promise<void> {
  await line.producer.send({ messages: events.map(event => messageOf(line.topic, event)) })
}

const at = (event: Forged, pos: number) => ({ ...event, pos })

async function silver(): Promise<unknown> {
  const { code, stdout } = await line.binlake(['sql', 'SELECT id, v, _epoch FROM silver.t ORDER BY id', '--json']).finished
  return code === 0 ? JSON.parse(stdout) : undefined
}

async function until(wanted: unknown): Promise<void> {
  for (let tries = 0, found: unknown; tries < 60; tries++) {
    found = await silver()
    if (JSON.stringify(found) === JSON.stringify(wanted)) return
    if (tries === 59) expect(found).toEqual(wanted)
    await sleep(500)
  }
}

it('scenario 26: a topic created again under a run is read from its beginning, as the next epoch', async () => {
  const run = line.binlake(['run'])
  try {
    await send(at(c(1, 'a'), 900), at(c(2, 'b'), 910), at(c(3, 'c'), 920), at(d(3), 930))
    await until([
      { id: 1, v: 'a', _epoch: 0 },
      { id: 2, v: 'b', _epoch: 0 },
    ])
    await line.admin.deleteTopics({ topics: [line.topic] })
    await sleep(1_000)
    await line.admin.createTopics({ topics: [line.topic], partitions: 1, replicas: 1 })
    await sleep(1_000)
    // Lower offsets and lower positions than before.
    await send(at(u(1, 'new'), 10), at(c(4, 'd'), 20))
    await until([
      { id: 1, v: 'new', _epoch: 1 },
      { id: 2, v: 'b', _epoch: 0 },
      { id: 4, v: 'd', _epoch: 1 },
    ])
  } finally {
    await run.stop()
  }
  expect(run.told()).toContain('created again')
  const proven = await line.binlake(['replay', '--prove', '--json']).finished
  expect(proven.code, proven.stderr).toBe(0)
  expect(proven.stdout).toContain('"identical"')
}, 240_000)
